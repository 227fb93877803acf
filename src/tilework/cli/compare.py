"""`tilework compare`: the same image, point or tokens through two to four models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tilework.cli.exploring import Device, MaybeOut, Through, Which, notes, open_run, read_point
from tilework.cli.options import RunsFolder
from tilework.errors import UserError

if TYPE_CHECKING:
    from tilework.explore.compare import Comparison
    from tilework.explore.edits import Edit
    from tilework.explore.opened import Opened
    from tilework.explore.points import Point


def compare(
    names: Annotated[
        list[str], typer.Argument(metavar="RUN RUN ...", help="Two to four runs; RUN@STEP is a checkpoint of one.")
    ],
    file: Annotated[str | None, typer.Option("--image", metavar="FILE", help="An image file.")] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="POINT", help="A validation image's number, or a point: train:5, seed:0, zero;0=2."),
    ] = None,
    tokens: Annotated[
        bool, typer.Option("--tokens", help="Paint the tokens that the first model gives it, by every model.")
    ] = False,
    edits: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="LEVEL,Y,X=CODE", help="Change tokens first; may be repeated."),
    ] = None,
    through: Through = "quantiser",
    out: MaybeOut = None,
    which: Which = "best",
    device: Device = "auto",
    runs: RunsFolder = None,
) -> None:
    """Show what two to four models make of the same image, point or tokens, and which settings differ."""
    from tilework.explore import files
    from tilework.explore.compare import check_count, same_point
    from tilework.explore.edits import Edit
    from tilework.explore.points import Origin, Point

    if file is not None and at is not None:
        raise UserError("--image and --at were both given", why="one thing is compared at a time", fix="leave one out")
    if edits and not tokens:
        raise UserError(
            "--set was given alone", why="it changes tokens, which are not what is compared", fix="add --tokens"
        )
    if tokens and through == "decoder":
        raise UserError(
            "--tokens and --through decoder were both given",
            why="tokens are what the quantiser makes; past it there are none",
            fix="leave one out",
        )
    parsed = [Edit.parse(text) for text in edits or []]
    if out is not None:
        files.checked(out, moves=False)
    check_count(len(names))
    point = Point(Origin("image", name=file)) if file is not None else read_point(at if at is not None else "0")
    opened = [_opened(name, which, device, runs) for name in names]
    found = _by_tokens(opened, point, parsed) if tokens else same_point(opened, point, through=through)
    if out is not None:
        found.save(out)
        typer.echo(out)
    typer.echo(found.title())
    facts = found.facts()
    wide = max(len(name) for name, _ in facts)
    for name, value in facts:
        typer.echo(f"  {name:<{wide}}  {value}")
    notes([point], opened[0])


def _by_tokens(opened: list[Opened], point: Point, edits: list[Edit]) -> Comparison:
    """The tokens that the first model gives a point, edited, through all."""
    from tilework.explore.compare import same_tokens
    from tilework.explore.shown_tokens import tokens as tokens_of

    found = tokens_of(opened[0], point)
    codes = found.codes
    for edit in edits:
        codes = edit.apply(found.grid, codes)
    return same_tokens(opened, codes)


def _opened(name: str, which: str, device: str, runs: Path | None) -> Opened:
    run, at, step = name.rpartition("@")
    if at and run and step and not Path(name).exists():
        name, which = run, step
    return open_run(name, which, device, runs)
