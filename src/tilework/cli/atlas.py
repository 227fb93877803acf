"""`tilework atlas`: every code of a model, what it paints and how often it is used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from tilework.cli.options import Run, RunsFolder
from tilework.errors import UserError


def atlas(
    run: Run,
    out: Annotated[Path, typer.Option("--out", help="Where to write it: a .html page or a .png image.")],
    level: Annotated[int, typer.Option(help="Level of a residual quantiser, from 1.")] = 1,
    sort: Annotated[
        Literal["usage", "index", "similarity"], typer.Option(help="Most used first, by number, or like beside like.")
    ] = "usage",
    side: Annotated[
        Literal["train", "validation"], typer.Option(help="The images whose tokens are counted.")
    ] = "train",
    images: Annotated[int, typer.Option(min=1, help="At most so many of them, spread over all.")] = 2_000,
    which: Annotated[str, typer.Option(help="Checkpoint: best, last, or a step.")] = "best",
    runs: RunsFolder = None,
) -> None:
    """Write an atlas of a model's codes: each decoded in context, its usage, the images it stands for."""
    from tilework.explore.atlas import atlas as make
    from tilework.explore.atlas_sheet import atlas_sheet, facts
    from tilework.explore.code_page import code_page
    from tilework.explore.opened import open_model
    from tilework.runs.atomic import atomic_write_text

    ending = out.suffix.lower()
    if ending not in {".html", ".htm", ".png"}:
        raise UserError(
            f"{out} ends in neither .html nor .png",
            why="an atlas is a page or an image",
            fix=f"write --out {out.with_suffix('.html')}",
        )
    opened = open_model(run, which=which, runs=runs)
    found = make(opened, level, side, most=images)
    typer.echo(facts(found))
    if opened.missing is not None:
        typer.echo(f"nothing was counted: {opened.missing['what']} ({opened.missing['why']})", err=True)
    if ending == ".png":
        from tilework.cli.tokens import save

        save(atlas_sheet(opened, found, sort), out)
        return
    atomic_write_text(out, code_page(opened, found, sort))
    typer.echo(out)
