"""`tilework compare`: the same image or point through two to four models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tilework.cli.exploring import Device, Which, notes, open_run, read_point
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
    which: Which = "best",
    device: Device = "auto",
    runs: RunsFolder = None,
) -> None:
    """Show what two to four models make of the same image or point, and which settings differ."""
    from tilework.explore import files
    from tilework.explore.compare import check_count, same_point
    from tilework.explore.points import Origin, Point

    if file is not None and at is not None:
        raise UserError("--image and --at were both given", why="one thing is compared at a time", fix="leave one out")
    if out is not None:
        files.checked(out, moves=False)
    check_count(len(names))
    point = Point(Origin("image", name=file)) if file is not None else read_point(at if at is not None else "0")
    opened = [_opened(name, which, device, runs) for name in names]
    found = same_point(opened, point)
    if out is not None:
        found.save(out)
        typer.echo(out)
    typer.echo(found.title())
    facts = found.facts()
    wide = max(len(name) for name, _ in facts)
    for name, value in facts:
        typer.echo(f"  {name:<{wide}}  {value}")
    notes([point], opened[0])


def _opened(name: str, which: str, device: str, runs: Path | None) -> Opened:
    run, at, step = name.rpartition("@")
    if at and run and step and not Path(name).exists():
        name, which = run, step
    return open_run(name, which, device, runs)
