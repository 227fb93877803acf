"""`tilework compare`: the same image or point through two to four models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tilework.cli.options import RunsFolder
from tilework.errors import UserError

if TYPE_CHECKING:
    from tilework.explore.opened import Opened


def compare(
    names: Annotated[
        list[str], typer.Argument(metavar="RUN RUN ...", help="Two to four runs; RUN@STEP is a checkpoint of one.")
    ],
    file: Annotated[str | None, typer.Option("--image", metavar="FILE", help="An image file.")] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="POINT", help="A validation image's number, or a point: train:5, seed:0, zero;0=2."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write a .png image or a .html page.")] = None,
    which: Annotated[str, typer.Option(help="Checkpoint: best, last, or a step.")] = "best",
    runs: RunsFolder = None,
) -> None:
    """Show what two to four models make of the same image or point, and which settings differ."""
    from tilework.cli.tokens import point_of, save
    from tilework.explore.compare import check_count, same_point
    from tilework.explore.compare_page import compare_page
    from tilework.explore.compare_sheet import compare_sheet, numbers, text_of
    from tilework.explore.points import Origin, Point
    from tilework.runs.atomic import atomic_write_text

    if file is not None and at is not None:
        raise UserError(
            "--image and --at were both given", why="one thing is compared at a time", fix="give one of them"
        )
    if out is not None and out.suffix.lower() not in {".png", ".html", ".htm"}:
        raise UserError(
            f"{out} ends in neither .png nor .html",
            why="a comparison is an image or a page",
            fix=f"write --out {out.with_suffix('.png')}",
        )
    point = Point(Origin("image", name=file)) if file is not None else point_of(at if at is not None else "0")
    check_count(len(names))
    found = same_point([_opened(name, which, runs) for name in names], point)
    for seen in found.models:
        typer.echo(f"{seen.name}   {'   '.join(f'{name} {value}' for name, value in numbers(seen).items())}")
    for setting, values in found.settings.items():
        typer.echo(f"{setting}: {' | '.join(map(text_of, values))}")
    if out is None:
        return
    if out.suffix.lower() == ".png":
        save(compare_sheet(found, str(point)), out)
        return
    atomic_write_text(out, compare_page(found, str(point)))
    typer.echo(out)


def _opened(name: str, which: str, runs: Path | None) -> Opened:
    from tilework.explore.opened import open_model

    run, at, step = name.rpartition("@")
    if at and step and not Path(name).exists():
        name, which = run, step
    return open_model(name, which=which, runs=runs)
