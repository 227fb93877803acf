"""What the tokens of one image are, and which of them are meant: everything that is out of range is refused here.

Shape legend: codes (Q, h, w). Levels are numbered from 1 as in every chart, rows Y and columns X from 0 at the upper left, codes
from 0 to K - 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tilework.errors import UserError

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class TokenGrid:
    """What the tokens of one image are: Q levels on h x w cells, each one of K codes."""

    levels: int
    height: int
    width: int
    size: int
    """K: how many codes a level has."""

    def codes(self, given: Any) -> Codes:
        """Codes (Q, h, w) as int64, from an array or a flat list of Q x h x w numbers. Raises UserError for all others."""
        try:
            found = np.asarray(given)
        except ValueError:  # rows of different lengths
            found = np.empty(0)
        if found.ndim == 1 and found.size == self.levels * self.height * self.width:
            found = found.reshape(self.levels, self.height, self.width)
        if found.shape != (self.levels, self.height, self.width) or found.dtype.kind not in "iu":
            raise UserError(
                f"these are no tokens of this model: {found.dtype} of shape {found.shape}",
                why=f"an image of it has {self.words}",
                fix=f"give whole numbers of shape ({self.levels}, {self.height}, {self.width})",
            )
        low, high = int(found.min()), int(found.max())
        if low < 0 or high >= self.size:
            raise self._no_code(low if low < 0 else high)
        return found.astype(np.int64)

    def level(self, number: int) -> int:
        """The place of level `number` (from 1) in an array. Raises UserError where there is none."""
        if not 1 <= number <= self.levels:
            raise UserError(
                f"there is no level {number}",
                why=f"this model has {self.levels} level{'s' * (self.levels > 1)}, numbered from 1",
                fix=f"write a level from 1 to {self.levels}" if self.levels > 1 else "write level 1, or leave it out",
            )
        return number - 1

    def cell(self, y: int, x: int) -> tuple[int, int]:
        """The cell as it is. Raises UserError where it is outside the grid."""
        if not (0 <= y < self.height and 0 <= x < self.width):
            raise UserError(
                f"there is no cell at row {y}, column {x}",
                why=f"the grid has rows 0 to {self.height - 1} and columns 0 to {self.width - 1}",
                fix=f"write a cell up to {self.height - 1},{self.width - 1}",
            )
        return y, x

    def code(self, code: int) -> int:
        """The code as it is. Raises UserError where the model does not have it."""
        if not 0 <= code < self.size:
            raise self._no_code(code)
        return code

    def region(self, region: Region) -> Region:
        """The region as it is. Raises UserError where it is empty or reaches beyond the grid."""
        if region.height < 1 or region.width < 1:
            raise UserError(
                f"the region {region} is empty",
                why="its end lies before its start",
                fix="write the smaller number first",
            )
        self.cell(region.top, region.left)
        self.cell(region.top + region.height - 1, region.left + region.width - 1)
        return region

    @property
    def whole(self) -> Region:
        """All cells."""
        return Region(0, 0, self.height, self.width)

    @property
    def words(self) -> str:
        """`2 levels of 8x8 tokens of 512 codes`."""
        levels = f"{self.levels} levels of " if self.levels > 1 else ""
        return f"{levels}{self.width}x{self.height} tokens of {self.size:,} codes"

    def _no_code(self, code: int) -> UserError:
        return UserError(
            f"there is no code {code}",
            why=f"this model has {self.size:,} codes, numbered from 0",
            fix=f"write a code from 0 to {self.size - 1}",
        )


@dataclass(frozen=True)
class Region:
    """A rectangle of cells; it prints as `ROWS,COLUMNS`, for example `2-5,3-6`."""

    top: int
    left: int
    height: int = 1
    width: int = 1

    def __str__(self) -> str:
        return f"{_range(self.top, self.height)},{_range(self.left, self.width)}"

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of an array (h, w)."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


def _range(start: int, count: int) -> str:
    return str(start) if count == 1 else f"{start}-{start + count - 1}"
