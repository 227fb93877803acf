"""`tilework atlas`: every code of a model, what it paints and how often it is used."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from tilework.cli.exploring import Device, Out, Which, open_run, save
from tilework.cli.options import Run, RunsFolder


def atlas(
    run: Run,
    out: Out,
    level: Annotated[int, typer.Option(help="Level of a residual quantiser, from 1.")] = 1,
    sort: Annotated[
        Literal["usage", "index", "similarity"], typer.Option(help="Most used first, by number, or like beside like.")
    ] = "usage",
    side: Annotated[
        Literal["train", "validation"], typer.Option(help="The images whose tokens are counted.")
    ] = "train",
    images: Annotated[int, typer.Option(min=1, help="At most so many of them, spread over all.")] = 2_000,
    which: Which = "best",
    device: Device = "auto",
    runs: RunsFolder = None,
) -> None:
    """Write an atlas of a model's codes (.html, .png): each decoded in context, its usage, the images it stands for."""
    from tilework.explore import files
    from tilework.explore.shown_atlas import atlas as make

    files.checked(out, moves=False)
    opened = open_run(run, which, device, runs)
    found = make(opened, level, side, by=sort, most=images)
    save(found, out)
    if opened.missing is not None:
        typer.echo(f"nothing was counted: {opened.missing['what']}", err=True)
