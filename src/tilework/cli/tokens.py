"""`tilework tokens`: the tokens of an image as numbers, edited and painted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tilework.cli.options import Run, RunsFolder
from tilework.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

    from tilework.explore.opened import Opened
    from tilework.explore.points import Point
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
    out: Annotated[Path | None, typer.Option("--out", help="Write a PNG of the images and tokens.")] = None,
    which: Annotated[str, typer.Option(help="Checkpoint: best, last, or a step.")] = "best",
    runs: RunsFolder = None,
) -> None:
    """Print the tokens of an image as numbers; change them, and see what they paint."""
    from tilework.explore.edits import Edit
    from tilework.explore.opened import open_model
    from tilework.explore.token_picture import facts, level_facts, token_sheet
    from tilework.explore.tokens import levels as by_levels
    from tilework.explore.tokens import token_grid
    from tilework.explore.tokens import tokens as tokens_of

    parsed = [Edit.parse(text) for text in edits or []]
    opened = open_model(run, which=which, runs=runs)
    grid = token_grid(opened.model)
    at = _cell(cell, grid) if cell is not None else None
    found = tokens_of(opened, point_of(image))
    codes = _copied(opened, grid, found.codes, source, copy)
    for edit in parsed:
        codes = edit.apply(grid, codes)
    typer.echo(f"{opened.name} · {image} · {facts(opened, found, codes != found.codes)}")
    typer.echo(_printed(codes, grid))
    if levels:
        shown = by_levels(opened, codes, found.original)
        for number in range(grid.levels):
            typer.echo(f"levels 1 to {number + 1}: {level_facts(shown, number)}")
    if out is not None:
        save(token_sheet(opened, found, codes, title=image, reveal=levels, cell=at), out)


def _copied(opened: Opened, grid: TokenGrid, codes: Codes, source: str | None, copy: str | None) -> Codes:
    """The codes with a region of another image's in them, where that was asked for."""
    from tilework.explore.edits import copy_region, parse_region
    from tilework.explore.tokens import tokens as tokens_of

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
    return copy_region(grid, codes, tokens_of(opened, point_of(source)).codes, parse_region(region, grid), to=place)


def point_of(text: str) -> Point:
    """What a word of the command line stands for: a number is a validation image, a file is that image, else it is a point."""
    from tilework.explore.points import Origin, Point, parse

    if text.isdecimal():
        return Point(Origin("validation", int(text)))
    if Path(text).expanduser().is_file():
        return Point(Origin("image", name=text))
    try:
        return parse(text)
    except UserError:
        if Path(text).suffix or "/" in text:
            raise UserError(
                f"there is no file {text}",
                why="what is no number and no point is the name of an image file",
                fix="write a number (12), a point (train:12) or a file that is there",
            ) from None
        raise


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


def save(image: Image, out: Path) -> None:
    """Write a PNG and print its name. Raises UserError for another ending, and where it cannot be written."""
    import io

    from tilework.runs.atomic import atomic_write_bytes

    if out.suffix.lower() != ".png":
        raise UserError(
            f"{out} does not end in .png",
            why="what is drawn here is a PNG",
            fix=f"write --out {out.with_suffix('.png')}",
        )
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    atomic_write_bytes(out, buffer.getvalue())
    typer.echo(out)
