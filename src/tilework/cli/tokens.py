"""`tilework tokens`: the tokens of an image as numbers, edited and painted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tilework.cli.exploring import Device, MaybeOut, Which, notes, open_run, read_point
from tilework.cli.options import Run, RunsFolder
from tilework.errors import UserError

if TYPE_CHECKING:
    from tilework.explore.opened import Opened
    from tilework.explore.token_grid import Codes, TokenGrid


def tokens(
    run: Run,
    image: Annotated[
        str, typer.Argument(metavar="IMAGE", help="Number of a validation image, a point (train:5, seed:0) or a file.")
    ],
    edits: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="LEVEL,Y,X=CODE", help="Change cells: numbers, ranges 2-5 or *. May be repeated."
        ),
    ] = None,
    source: Annotated[str | None, typer.Option("--from", metavar="IMAGE", help="Another image, to copy from.")] = None,
    copy: Annotated[
        str | None, typer.Option(metavar="ROWS,COLUMNS[=Y,X]", help="Which cells of it, and to where.")
    ] = None,
    levels: Annotated[bool, typer.Option("--levels", help="Also the image by the first 1, 2, ... levels.")] = False,
    cell: Annotated[
        str | None, typer.Option(metavar="Y,X", help="Also draw what this cell changes, and what decides it.")
    ] = None,
    out: MaybeOut = None,
    which: Which = "best",
    device: Device = "auto",
    runs: RunsFolder = None,
) -> None:
    """Print the tokens of an image as numbers; change them, and see what they paint."""
    from tilework.explore import files
    from tilework.explore.edits import Edit
    from tilework.explore.shown_tokens import tokens as tokens_of
    from tilework.explore.token_images import token_grid
    from tilework.explore.token_sheet import TokenSheet, level_lines

    parsed = [Edit.parse(text) for text in edits or []]
    if out is not None:
        files.checked(out, moves=False)
    point = read_point(image)
    opened = open_run(run, which, device, runs)
    grid = token_grid(opened.model)
    at = _cell(cell, grid) if cell is not None else None
    found = tokens_of(opened, point)
    codes = _copied(opened, grid, found.codes, source, copy)
    for edit in parsed:
        codes = edit.apply(grid, codes)
    shown = TokenSheet(found, codes, levels, at)
    if out is not None:
        typer.echo(shown.save(out))
    typer.echo(" · ".join([shown.title(), *(f"{name} {value}" for name, value in shown.facts())]))
    typer.echo(_printed(codes, grid))
    for line in level_lines(shown) if levels else ():
        typer.echo(line)
    notes([point], opened)


def _copied(opened: Opened, grid: TokenGrid, codes: Codes, source: str | None, copy: str | None) -> Codes:
    """The codes with a region of another image's in them, where that was asked for."""
    from tilework.explore.edits import copy_region, parse_region
    from tilework.explore.shown_tokens import tokens as tokens_of

    if source is None and copy is None:
        return codes
    if source is None or copy is None:
        raise UserError(
            f"--{'copy' if source is None else 'from'} was given alone",
            why="--from names the image to copy from, --copy the cells that are copied",
            fix="write for example --from 7 --copy 2-5,2-5",
        )
    region, equals, to = copy.partition("=")
    place = _cell(to, grid) if equals else None
    return copy_region(grid, codes, tokens_of(opened, read_point(source)).codes, parse_region(region, grid), to=place)


def _cell(text: str, grid: TokenGrid) -> tuple[int, int]:
    parts = text.replace(" ", "").split(",")
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        raise UserError(f"'{text}' is no cell", why="a cell is Y,X: its row and its column, from 0", fix="write 3,4")
    return grid.cell(int(parts[0]), int(parts[1]))


def _printed(codes: Codes, grid: TokenGrid) -> str:
    """The codes (Q, h, w) as lines of numbers, level by level."""
    digits = len(str(grid.size - 1))
    blocks = []
    for number, level in enumerate(codes, start=1):
        lines = [" ".join(f"{code:>{digits}}" for code in row) for row in level.tolist()]
        blocks.append("\n".join([f"level {number}", *lines] if grid.levels > 1 else lines))
    return "\n".join(blocks)
