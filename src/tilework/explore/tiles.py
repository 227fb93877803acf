"""What the decoder paints for each code, in context: its cell in the middle of a small field of other tokens.

Shape legend: Q levels of K codes on h x w cells; a window has a x b cells, at most `WINDOW` on a side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tilework.engine.autoencoder.snapshot import to_uint8
from tilework.explore.code_vectors import mean_vector, vectors
from tilework.explore.counted import TokenSet
from tilework.explore.opened import Opened, Pixels
from tilework.explore.token_images import token_grid
from tilework.inference import DecodeZ

WINDOW = 5
"""Cells on a side of what is decoded."""
_PIXELS_AT_ONCE = 2**17


@dataclass(frozen=True)
class TileSize:
    """How many pixels one cell is, and how many cells of its surroundings are shown on each side."""

    height: int
    width: int
    margin: int

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels of what is shown: height, width."""
        return self.height * (2 * self.margin + 1), self.width * (2 * self.margin + 1)


def tile_size(opened: Opened, margin: int = 0) -> TileSize:
    """Pixels of one cell of a model; the whole image where the latent is a vector."""
    grid, source = token_grid(opened.model), opened.model.spec.data
    size = source.size  # type: ignore[attr-defined]
    alone = grid.height * grid.width == 1
    return TileSize(
        max(1, round(size.height / grid.height)), max(1, round(size.width / grid.width)), 0 if alone else margin
    )


@torch.no_grad()
def tiles(
    opened: Opened, level: int, codes: NDArray[np.int64], among: TokenSet | None = None, margin: int = 0
) -> Pixels:
    """Codes of a level (from 1) decoded in context, (n, th, tw, C) uint8: the cell with `margin` cells around it.

    With `among`, a code lies where it fits best among these tokens, with the other levels and the neighbours that it has there;
    an unused code takes the place of the used code that is nearest to it. Without, all other tokens and levels are mean codes.
    The field is `WINDOW` cells on a side, so that many codes can be decoded; where a decoder sees farther than that, the
    image of the whole grid differs a little. Raises UserError for a level that there is not.
    """
    grid = token_grid(opened.model)
    grid.level(level)
    size = tile_size(opened, margin)
    a, b = min(WINDOW, grid.height), min(WINDOW, grid.width)
    pixels = a * b * size.height * size.width
    at_once = max(1, _PIXELS_AT_ONCE // pixels)
    window = _in_real(opened, level, among, codes, a, b) if among is not None else _in_mean(opened, level, codes, a, b)
    decode = DecodeZ(opened.model.network.decoder)
    channels = opened.model.spec.data.channels  # type: ignore[attr-defined]
    found = np.empty((len(codes), *size.shape, channels), np.uint8)
    for start in range(0, len(codes), at_once):
        opened.between()
        part = slice(start, min(start + at_once, len(codes)))
        images = to_uint8(decode(window.z(part)))
        top, left = window.rows[part], window.columns[part]
        found[part] = cut(images, top, left, (a, b), size)
    return found


@dataclass(frozen=True)
class _Windows:
    """What is decoded for each code, and in which row and column of it the code's cell is."""

    opened: Opened
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    codes: NDArray[np.int32] | None = None
    """(n, Q, a, b), where the field is of codes."""
    centre: Tensor | None = None
    """(n, D), in the middle of `around` (D,), where it is not."""
    around: Tensor | None = None
    cells: tuple[int, int] = (1, 1)

    def z(self, part: slice) -> Tensor:
        """(n, D, a, b)."""
        device = self.opened.model.device
        if self.codes is not None:
            chosen = torch.from_numpy(self.codes[part].astype(np.int64)).to(device)
            return self.opened.model.network.bottleneck.lookup(chosen)
        assert self.centre is not None
        assert self.around is not None
        centre = self.centre[part].to(device)
        z = self.around.to(device)[None, :, None, None].repeat(len(centre), 1, *self.cells)
        z[:, :, self.rows[0], self.columns[0]] = centre
        return z


def _in_real(opened: Opened, level: int, among: TokenSet, codes: NDArray[np.int64], a: int, b: int) -> _Windows:
    grid, place = among.grid, level - 1
    ranked = among.ranked(level)
    used = np.flatnonzero(np.diff(ranked.start) > 0)
    stands_in = np.arange(grid.size)
    missing = codes[~np.isin(codes, used)]
    if len(missing):
        there = vectors(opened.model, level, used)
        for start in range(0, len(missing), 1024):
            part = missing[start : start + 1024]
            off = torch.cdist(vectors(opened.model, level, part), there)
            stands_in[part] = used[off.argmin(1).numpy()]
    token = ranked.start[stands_in[codes]]
    image = ranked.image[token]
    y, x = np.divmod(ranked.cell[token], grid.width)
    # At the border the window stays inside the grid, so that the decoder sees there what it sees of an image.
    top, left = np.clip(y - a // 2, 0, grid.height - a), np.clip(x - b // 2, 0, grid.width - b)
    rows, columns = top[:, None] + np.arange(a), left[:, None] + np.arange(b)
    window = among.codes[image[:, None, None], :, rows[:, :, None], columns[:, None, :]].transpose(0, 3, 1, 2).copy()
    window[np.arange(len(codes)), place, y - top, x - left] = codes
    return _Windows(opened, y - top, x - left, codes=window)


def _in_mean(opened: Opened, level: int, codes: NDArray[np.int64], a: int, b: int) -> _Windows:
    grid, bottleneck = token_grid(opened.model), opened.model.network.bottleneck
    means = [mean_vector(opened.model, number) for number in range(1, grid.levels + 1)]
    points = vectors(opened.model, level, codes)
    others = sum(means) - means[level - 1]
    device = opened.model.device
    centre = bottleneck.outer((points + others).to(device)).cpu()
    around = bottleneck.outer(sum(means)[None].to(device))[0].cpu()  # type: ignore[index]
    middle = np.full(len(codes), a // 2), np.full(len(codes), b // 2)
    return _Windows(opened, *middle, centre=centre, around=around, cells=(a, b))


def cut(
    images: Pixels, rows: NDArray[np.int64], columns: NDArray[np.int64], cells: tuple[int, int], size: TileSize
) -> Pixels:
    """Of each image (n, H, W, C) of so many cells the one in row and column (n,), with its margin: (n, th, tw, C).

    Beyond the border its last pixels are repeated.
    """
    height, width = images.shape[1:3]
    tall, wide = size.shape
    top = np.rint(rows * height / cells[0]).astype(np.int64) - size.margin * size.height
    left = np.rint(columns * width / cells[1]).astype(np.int64) - size.margin * size.width
    down = np.clip(top[:, None] + np.arange(tall), 0, height - 1)
    right = np.clip(left[:, None] + np.arange(wide), 0, width - 1)
    found: Pixels = images[np.arange(len(images))[:, None, None], down[:, :, None], right[:, None, :]]
    return found
