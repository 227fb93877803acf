"""`tilework traverse`: one dimension of a latent at a time."""

from __future__ import annotations

from typing import Annotated

import typer

from tilework.cli.exploring import POINT, Device, Out, Through, Which, notes, open_run, read_point, save
from tilework.cli.options import Run, RunsFolder
from tilework.errors import UserError


def traverse(
    run: Run,
    out: Out,
    at: Annotated[
        str, typer.Option("--at", help=f"Where all other dimensions stay. {POINT}", metavar="POINT")
    ] = "zero",
    dimensions: Annotated[
        str | None,
        typer.Option("--dimensions", help="Dimensions from 0: 0,3,5.", show_default="the 12 that carry most"),
    ] = None,
    low: Annotated[
        float | None, typer.Option("--low", help="Smallest value.", show_default="-3, or what is usual")
    ] = None,
    high: Annotated[
        float | None, typer.Option("--high", help="Largest value.", show_default="3, or what is usual")
    ] = None,
    steps: Annotated[int, typer.Option("--steps", help="Images of each dimension.")] = 9,
    through: Through = "quantiser",
    which: Which = "best",
    device: Device = "auto",
    runs: RunsFolder = None,
) -> None:
    """Move one dimension of the latent at a time: a row of images for each (.png, .html), or all moving (.gif, .mp4)."""
    from tilework.explore import files
    from tilework.explore.traversal import traverse as move

    files.checked(out, moves=True)
    point, chosen = read_point(at), None if dimensions is None else _numbers(dimensions)
    opened = open_run(run, which, device, runs)
    shown = move(opened, point, chosen, low, high, steps, through=through)
    save(shown, out)
    notes([point], opened)


def _numbers(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() and len(part) < 10 for part in parts):
        raise UserError(
            f"--dimensions {text} cannot be read",
            why="it takes the numbers of dimensions, from 0, with commas between them",
            fix="write for example --dimensions 0,3,5",
        )
    return [int(part) for part in parts]
