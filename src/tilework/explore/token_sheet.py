"""The tokens of an image as an image: what they paint, and each level's codes as numbers on their colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tilework.explore.canvas import Block, Sheet, factor_for, font, over, wide
from tilework.explore.code_vectors import MOST_LISTED, colours, vectors
from tilework.explore.opened import Opened
from tilework.explore.paper import FRAME, GROUND
from tilework.explore.reach import field, receptive
from tilework.explore.sheet import enlarged
from tilework.explore.shown import Shown
from tilework.explore.token_grid import Codes, TokenGrid
from tilework.explore.token_images import Levels, Tokens, levels, paint

_LEAST = 256
_DIGIT = 11
_IN_A_ROW = 4


@dataclass(frozen=True, eq=False)
class TokenSheet(Shown):
    """An image and what its tokens paint, and below them the codes of each level as numbers on the colours of their codes."""

    tokens: Tokens
    codes: Codes | None = None
    """(Q, h, w), the edited ones; cells that differ have a frame. None = nothing was edited."""
    reveal: bool = False
    """Also what the first 1, 2, ... levels paint."""
    cell: tuple[int, int] | None = None
    """Also what this cell (y, x) changes in the image, and what of the image decides it."""

    @property
    def edited(self) -> Codes:
        """The codes that are shown. Raises UserError for those that the model does not have."""
        return self.tokens.codes if self.codes is None else self.tokens.grid.codes(self.codes)

    @property
    def changed(self) -> NDArray[np.bool_]:
        """(Q, h, w): which of them were edited."""
        found: NDArray[np.bool_] = self.edited != self.tokens.codes
        return found

    def title(self) -> str:
        return self.tokens.title()

    def facts(self) -> tuple[tuple[str, str], ...]:
        changed = self.changed
        edits = (("changed", f"{int(changed.sum()):,} of {changed.size:,} tokens"),) if changed.any() else ()
        return (*self.tokens.facts(), *edits)

    def sheet(self) -> Image.Image:
        found, opened, codes, changed = self.tokens, self.tokens.opened, self.edited, self.changed
        grid = found.grid
        images = [("image", found.original)] if found.original is not None else []
        images.append(("reconstruction" if found.original is not None else "decoded", found.image))
        if changed.any():
            images.append(("edited", paint(opened, codes)))
        height, width = found.image.shape[:2]
        side = _cell(grid)
        factor = max(
            factor_for(width, max(_LEAST, side * grid.width)), factor_for(height, max(_LEAST, side * grid.height))
        )
        sheet = Sheet(self.title(), (" · ".join(f"{name} {value}" for name, value in self.facts()),))
        first = [Block(enlarged(pixels, factor), name) for name, pixels in images if pixels is not None]
        if changed.any():
            frames(first[-1].image, np.asarray(changed.any(0)))
        size = (width * factor, height * factor)
        boards = []
        for number in range(grid.levels):
            palette = colours(vectors(opened.model, number + 1)) if grid.size <= MOST_LISTED else None
            board = code_board(codes[number], palette, size, changed[number])
            boards.append(Block(board, f"level {number + 1}" if grid.levels > 1 else "tokens"))
        sheet.rows += [[*first, *boards]] if grid.levels == 1 else [first, *_in_rows(boards)]
        if self.cell is not None:
            sheet.rows.append(_maps(opened, found, codes, self.cell, factor))
        if self.reveal:
            by_level = levels(opened, codes, found.original)
            steps = [
                Block(enlarged(by_level.images[n], factor), _first(n + 1), (level_facts(by_level, n),))
                for n in range(grid.levels)
            ]
            sheet.rows += _in_rows(steps)
        return sheet.draw()


def level_lines(image: TokenSheet) -> list[str]:
    """For each number of levels one line of bits and error."""
    found = levels(image.tokens.opened, image.edited, image.tokens.original)
    return [f"{_first(number + 1)}: {level_facts(found, number)}" for number in range(image.tokens.grid.levels)]


def level_facts(found: Levels, number: int) -> str:
    """Bits and error of the first levels up to `number` (from 0) in one line."""
    bits = f"{found.bits[number]:,.0f} bits"
    if found.mse is None or found.psnr is None:
        return bits
    return f"{bits} · MSE {found.mse[number]:.5f} · {found.psnr[number]:.2f} dB"


def _maps(opened: Opened, found: Tokens, codes: Codes, cell: tuple[int, int], factor: int) -> list[Block]:
    """What a cell changes, and what decides it, over the image."""
    marked = np.zeros((found.grid.height, found.grid.width), bool)
    marked[found.grid.cell(*cell)] = True
    maps = [(f"what cell {cell[0]},{cell[1]} changes", found.image, field(opened, codes, *cell))]
    if found.original is not None:
        maps.append(
            (f"what decides cell {cell[0]},{cell[1]}", found.original, receptive(opened, found.original, *cell))
        )
    blocks = []
    for name, image, of in maps:
        shown = enlarged(over(image, of.strength), factor)
        frames(shown, marked)
        blocks.append(Block(shown, name))
    return blocks


def _in_rows(blocks: list[Block]) -> list[list[Block]]:
    return [blocks[start : start + _IN_A_ROW] for start in range(0, len(blocks), _IN_A_ROW)]


def code_board(
    codes: NDArray[np.int64],
    palette: NDArray[np.uint8] | None,
    size: tuple[int, int],
    edited: NDArray[np.bool_] | None = None,
) -> Image.Image:
    """Codes (h, w) as numbers in their cells, each on the colour of its code in `palette` (K, 3); `size` in pixels, (w, h)."""
    rows, columns = _edges(size[1], codes.shape[0]), _edges(size[0], codes.shape[1])
    board = Image.new("RGB", size, GROUND)
    pen = ImageDraw.Draw(board)
    for y in range(codes.shape[0]):
        for x in range(codes.shape[1]):
            code = int(codes[y, x])
            colour = tuple(int(c) for c in palette[code]) if palette is not None else (60, 68, 78)
            pen.rectangle((columns[x], rows[y], columns[x + 1] - 2, rows[y + 1] - 2), fill=colour)
            middle = (columns[x] + columns[x + 1] - 1) / 2, (rows[y] + rows[y + 1] - 1) / 2
            dark = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] > 130
            pen.text(middle, str(code), fill=(12, 15, 19) if dark else (245, 247, 250), font=font(_DIGIT), anchor="mm")
    if edited is not None:
        frames(board, edited)
    return board


def frames(image: Image.Image, cells: NDArray[np.bool_]) -> None:
    """Draw a frame around each of the cells (h, w) of an image."""
    rows, columns = _edges(image.height, cells.shape[0]), _edges(image.width, cells.shape[1])
    pen = ImageDraw.Draw(image)
    for y, x in np.argwhere(cells):
        pen.rectangle((columns[x] - 1, rows[y] - 1, columns[x + 1] - 1, rows[y + 1] - 1), outline=FRAME, width=2)


def _cell(grid: TokenGrid) -> int:
    """Pixels of a cell in which the largest number can be read."""
    return max(wide(str(grid.size - 1), _DIGIT) + 8, 20)


def _edges(pixels: int, cells: int) -> list[int]:
    return [round(number * pixels / cells) for number in range(cells + 1)]


def _first(levels: int) -> str:
    return "the first level" if levels == 1 else f"the first {levels} levels"
