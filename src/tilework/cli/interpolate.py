"""`tilework interpolate`: a way from point to point, as a film."""

from __future__ import annotations

from typing import Annotated

import typer

from tilework.cli.exploring import Device, Out, Through, Which, notes, open_run, read_point, save
from tilework.cli.options import Run, RunsFolder


def interpolate(
    run: Run,
    points: Annotated[
        list[str],
        typer.Argument(
            help="Two points or more: numbers of validation images, image files, or points as `tilework sample --at` takes them.",
            metavar="A B",
        ),
    ],
    out: Out,
    frames: Annotated[int, typer.Option("--frames", help="Frames in all.")] = 120,
    fps: Annotated[float, typer.Option("--fps", help="Frames a second.")] = 30,
    how: Annotated[str, typer.Option("--how", help="linear or spherical.")] = "linear",
    ease: Annotated[bool, typer.Option("--ease", help="Slow down at every point.")] = False,
    loop: Annotated[bool, typer.Option("--loop", help="Go back to the first point: a film without an end.")] = False,
    through: Through = "quantiser",
    which: Which = "best",
    device: Device = "auto",
    runs: RunsFolder = None,
) -> None:
    """Interpolate between points of the latent space: a film (.mp4, .gif), a strip (.png), or a page with both (.html)."""
    from tilework.explore import files
    from tilework.explore.film import checked_fps
    from tilework.explore.walking import walk

    files.checked(out, moves=True)
    checked_fps(fps)
    read = [read_point(text) for text in points]
    opened = open_run(run, which, device, runs)
    shown = walk(opened, read, frames, how, ease, loop, fps=fps, through=through)  # type: ignore[arg-type]
    save(shown, out)
    notes(read, opened)
