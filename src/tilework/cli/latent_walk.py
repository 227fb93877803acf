"""`tilework latent-walk`: from one image to another between their codes, as a film."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tilework.cli.dreaming import ParentRun, open_dreaming
from tilework.cli.exploring import Device, Which, notes, open_run, read_point, save
from tilework.cli.options import Run, RunsFolder


def latent_walk(
    run: Run,
    a: Annotated[str, typer.Argument(metavar="A", help="Number of a validation image, a point (train:5) or a file.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Where to; as A.")],
    frames: Annotated[int, typer.Option("--frames", help="Frames in all.")] = 120,
    fps: Annotated[float, typer.Option("--fps", help="Frames a second.")] = 30,
    loop: Annotated[bool, typer.Option("--loop", help="And back again.")] = False,
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write: .mp4, .gif, .png or .html.")] = Path(
        "latent-walk.mp4"
    ),
    parent: ParentRun = None,
    which: Which = "best",
    device: Device = "auto",
    runs: RunsFolder = None,
) -> None:
    """Walk from one image to another in the quantised latents of a model with tokens: a film (.mp4, .gif) or a strip (.png)."""
    from tilework.dream import latent_walk as walk
    from tilework.dream.choosing import prior_of
    from tilework.explore import files
    from tilework.explore.film import checked_fps

    files.checked(out, moves=True)
    checked_fps(fps)
    start, end = read_point(a), read_point(b)
    prior = prior_of(run, runs)
    if prior is None:
        opened = open_run(run, which, device, runs)
    else:
        opened = open_dreaming(prior, which, device, runs, parent, None).parent
        typer.echo(f"{prior.name}: walking in its autoencoder, {opened.name}")
    shown = walk(opened, start, end, frames, loop=loop, fps=fps)
    save(shown, out)
    notes([start, end], opened)
