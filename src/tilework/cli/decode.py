"""`tilework decode`: a folder of tokens as images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from tilework.cli.exploring import Device
from tilework.cli.options import RunsFolder
from tilework.errors import UserError

if TYPE_CHECKING:
    from tilework.explore.token_files import Clips


def decode(
    tokens: Annotated[
        Path, typer.Argument(metavar="TOKENS", help="A folder that `tilework encode` wrote.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write.")] = Path("images"),
    run: Annotated[
        str | None,
        typer.Option(help="The run that made the tokens, where it is not where it was.", show_default=False),
    ] = None,
    clips: Annotated[str, typer.Option(help="Clips as png (a folder of frames each), gif or mp4.")] = "png",
    fps: Annotated[float, typer.Option(help="Frames a second of GIF and MP4.")] = 30.0,
    device: Device = "auto",
    runs: RunsFolder = None,
) -> None:
    """Write the images of tokens again, under the names of their sources. Only the decoder that they are for is used."""
    from tilework.cli.interrupted import report_interrupt
    from tilework.cli.output import console_for_text
    from tilework.tokens.reading import open_tokens

    if clips not in {"png", "gif", "mp4"}:
        raise UserError(f"--clips {clips} is not known", why="it is png, gif or mp4", fix="leave it out for png")
    console = console_for_text()
    opened = open_tokens(tokens)
    with report_interrupt(console, "The same command goes on where it stopped."):
        with console.status("loading torch"):
            from tilework.cli.preparing import Preparing, Words
            from tilework.engine.decoding import open_parent
            from tilework.explore.film import checked_fps
            from tilework.explore.token_files import write_images

        checked_fps(fps)
        model = open_parent(opened.manifest, run, runs=runs, device=device)
        with Preparing(console, len(opened), Words("decoding", "decoded", "images", goes_on=False)) as bar:
            made = write_images(opened, model, out.expanduser(), clips=cast("Clips", clips), fps=fps, progress=bar)
    moving = f" and {made.clips:,} clips" if made.clips else ""
    there = f"; {made.there:,} were there already" if made.there else ""
    parent = opened.manifest.parent
    console.print(
        f"{out}  {made.images:,} images{moving}, decoded by {parent.run}, step {parent.step:,}{there}",
        markup=False,
        soft_wrap=True,
    )
