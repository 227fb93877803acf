"""Edits of a grid of codes: each gives a new grid and leaves the old one as it was, so that whoever keeps both can undo.

How levels, cells and codes are numbered: token_grid.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tilework.errors import UserError
from tilework.explore.token_grid import Codes, Region, TokenGrid


def set_cells(grid: TokenGrid, codes: Codes, cells: Iterable[tuple[int, int, int]], code: int) -> Codes:
    """A grid whose cells (level, y, x) have this code. Raises UserError for a cell or a code that there is not."""
    changed = grid.codes(codes).copy()
    for level, y, x in cells:
        changed[grid.level(level), *grid.cell(y, x)] = grid.code(code)
    return changed


def fill(grid: TokenGrid, codes: Codes, level: int, region: Region, code: int) -> Codes:
    """A grid with one code in the whole region of a level. Raises UserError for what there is not."""
    changed = grid.codes(codes).copy()
    changed[grid.level(level), *grid.region(region).slices] = grid.code(code)
    return changed


def copy_region(
    grid: TokenGrid,
    codes: Codes,
    source: Codes,
    region: Region,
    *,
    to: tuple[int, int] | None = None,
    levels: Sequence[int] | None = None,
) -> Codes:
    """A grid with the region of another grid `source` in it, at the same place or with its upper left cell at `to`.

    `levels` are those that are copied; None = all. Raises UserError where the region does not fit there.
    """
    changed, other = grid.codes(codes).copy(), grid.codes(source)
    grid.region(region)
    top, left = to if to is not None else (region.top, region.left)
    there = grid.region(Region(top, left, region.height, region.width))
    for level in levels if levels is not None else range(1, grid.levels + 1):
        at = grid.level(level)
        changed[at, *there.slices] = other[at, *region.slices]
    return changed


Span = tuple[int, int] | None
"""First and last; None = all."""


@dataclass(frozen=True)
class Edit:
    """One edit as the shell writes it: `LEVEL,Y,X=CODE`; level, row and column are a number, a range `2-5`, or `*` for all."""

    text: str
    level: Span
    rows: Span
    columns: Span
    code: int
    level_left_out: bool = False

    @classmethod
    def parse(cls, text: str) -> Edit:
        """Raises UserError for another text."""
        place, equals, code = text.replace(" ", "").partition("=")
        parts = place.split(",")
        spans = [_span(part) for part in parts if _SPAN.fullmatch(part)]
        if not equals or not re.fullmatch(r"-?\d{1,9}", code) or len(parts) not in (2, 3) or len(spans) < len(parts):
            raise UserError(
                f"'{text}' is no edit of tokens",
                why="an edit is LEVEL,Y,X=CODE (or Y,X=CODE where there is one level), in whole numbers",
                fix="write for example 1,3,4=17, or 1,2-5,*=17 for rows 2 to 5 in all columns",
            )
        level, rows, columns = spans if len(spans) == 3 else (None, *spans)
        return cls(text, level, rows, columns, int(code), len(spans) == 2)

    def apply(self, grid: TokenGrid, codes: Codes) -> Codes:
        """The grid of codes after this edit. Raises UserError for what the grid does not have."""
        if self.level_left_out and grid.levels > 1:
            raise UserError(
                f"'{self.text}' does not give the level",
                why=f"this model has {grid.levels} levels",
                fix=f"write for example 1,{self.text}",
            )
        first, last = self.level or (1, grid.levels)
        if last < first:
            raise UserError(
                f"the levels {first}-{last} of '{self.text}' are empty",
                why="their end lies before their start",
                fix="write the smaller number first",
            )
        region = _region(self.rows, self.columns, grid)
        for level in range(first, last + 1):
            codes = fill(grid, codes, level, region, self.code)
        return codes


def parse_region(text: str, grid: TokenGrid) -> Region:
    """`ROWS,COLUMNS` -> a region of the grid; rows and columns as in an `Edit`. Raises UserError for another text."""
    parts = text.replace(" ", "").split(",")
    if len(parts) != 2 or not all(map(_SPAN.fullmatch, parts)):
        raise UserError(
            f"'{text}' is no region of tokens",
            why="a region is ROWS,COLUMNS",
            fix="write for example 2-5,3-6 for rows 2 to 5 and columns 3 to 6, or *,* for all",
        )
    return _region(_span(parts[0]), _span(parts[1]), grid)


_SPAN = re.compile(r"\*|\d{1,9}(-\d{1,9})?")


def _span(part: str) -> Span:
    first, _, last = part.partition("-")
    return None if part == "*" else (int(first), int(last or first))


def _region(rows: Span, columns: Span, grid: TokenGrid) -> Region:
    (top, bottom), (left, right) = rows or (0, grid.height - 1), columns or (0, grid.width - 1)
    return grid.region(Region(top, left, bottom - top + 1, right - left + 1))
