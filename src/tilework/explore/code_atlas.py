"""Every code of a level: what it paints, how often and where it is used, the images it stands for, its nearest codes.

Shape legend: Q levels of K codes on h x w cells, N tokens counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tilework.explore.code_vectors import (
    Near,
    Sort,
    order_by_index,
    order_by_similarity,
    order_by_usage,
    similar,
    vectors,
)
from tilework.explore.counted import MOST_IMAGES, TokenSet, token_set
from tilework.explore.kept_tiles import KeptTiles
from tilework.explore.opened import Opened, Pixels, Side
from tilework.explore.tiles import TileSize, cut, tile_size
from tilework.explore.token_grid import TokenGrid
from tilework.explore.token_images import token_grid

PATCHES = 8
"""Training patches of one code."""
NEAREST = 12
"""Nearest codes of one code."""
ORDER: dict[Sort, str] = {
    "usage": "most used first",
    "index": "by number",
    "similarity": "like beside like",
}


@dataclass(frozen=True, eq=False)
class CodeTable:
    """All codes of one level (from 1)."""

    opened: Opened = field(repr=False)
    by: Sort
    """The order in which they are shown."""
    grid: TokenGrid
    level: int
    painted: KeptTiles = field(repr=False)
    """Each code decoded in context, when it is asked for."""
    colours: NDArray[np.uint8]
    """(K, 3): near codes look alike."""
    counts: NDArray[np.int64] | None
    """(K,) how often each code occurs; None where there are no images."""
    among: TokenSet | None
    """The tokens that were counted."""
    only: slice = field(default_factory=lambda: slice(None))
    """The codes that are shown, by number."""

    @property
    def order(self) -> NDArray[np.int64]:
        """The codes that are shown, in their order."""
        shown = np.zeros(self.grid.size, bool)
        shown[self.only] = True
        every = ordered(self)
        return every[shown[every]]

    @property
    def tiles(self) -> Pixels:
        """(K, th, tw, C) uint8: every code decoded in context."""
        return self.painted.of(np.arange(self.grid.size))

    @property
    def size(self) -> TileSize:
        """How large a tile is."""
        return self.painted.size

    @property
    def tokens(self) -> int:
        """N, how many tokens of this level were counted."""
        return 0 if self.among is None else self.among.count

    @property
    def used(self) -> int:
        """How many codes occur."""
        return 0 if self.counts is None else int((self.counts > 0).sum())

    def title(self) -> str:
        """What it is, in one line."""
        level = f", level {self.level} of {self.grid.levels}" if self.grid.levels > 1 else ""
        return f"codes of {self.opened.name}{level}, {ORDER[self.by]}"

    def facts(self) -> tuple[tuple[str, str], ...]:
        """(name, value) of what is known of them."""
        first, end, _ = self.only.indices(self.grid.size)
        part = () if end - first == self.grid.size else (("shown", f"codes {first:,} to {end - 1:,}"),)
        if self.among is None:
            return (("codes", f"{self.grid.size:,}, not counted: the images are not there"), *part)
        spread = "" if len(self.among.numbers) == self.among.images else f" of {self.among.images:,}"
        return (
            ("codes", f"{self.used:,} of {self.grid.size:,} used"),
            *part,
            ("N", f"{self.tokens:,} tokens of {len(self.among.numbers):,}{spread} {self.among.side} images"),
            ("N/K", f"{self.tokens / self.grid.size:,.1f}"),
        )


@dataclass(frozen=True)
class Code:
    """One code of a level (from 1)."""

    level: int
    code: int
    count: int
    share: float
    """Of the tokens counted."""
    positions: NDArray[np.int64] | None
    """(h, w): how often it occurs in each cell; None where there are no images."""
    patches: Pixels
    """(n, ph, pw, C) uint8: the images' own pixels where the encoder's output is nearest to the code, nearest first, one
    of an image; the cell in the middle."""
    images: NDArray[np.int64]
    """(n,) the numbers of those images within their side."""
    cells: NDArray[np.int64]
    """(n, 2) row and column of those cells."""
    near: Near
    """The nearest codes, itself first."""


def ordered(found: CodeTable, by: Sort | None = None) -> NDArray[np.int64]:
    """All codes of an atlas in this order, (K,), None = its own; the list by similarity begins with the most used code.

    Without counts (no images) the order by usage is that of the codes.
    """
    by, opened, size = by or found.by, found.opened, found.grid.size
    counts = found.counts if found.counts is not None else np.zeros(size, np.int64)
    if by == "usage":
        return order_by_usage(counts)
    if by == "index":
        return order_by_index(size)
    key = f"similarity {found.level} {found.among.side if found.among else ''}"
    points = vectors(opened.model, found.level)
    return opened.once(key, lambda: order_by_similarity(points, int(counts.argmax())))


def code(
    opened: Opened,
    level: int,
    number: int,
    side: Side = "train",
    *,
    most: int = MOST_IMAGES,
    count: int = PATCHES,
    near: int = NEAREST,
    margin: int = 1,
) -> Code:
    """Everything about code `number` of a level (from 1). Works for any K. Raises UserError for what there is not."""
    grid = token_grid(opened.model)
    grid.level(level)
    grid.code(number)
    nearest = similar(opened, level, number, near + 1)
    if opened.images is None:
        none = np.empty(0, np.int64)
        channels = opened.model.spec.data.channels  # type: ignore[attr-defined]
        empty = np.empty((0, *tile_size(opened, margin).shape, channels), np.uint8)
        return Code(level, number, 0, 0.0, None, empty, none, none.reshape(0, 2), nearest)
    among = token_set(opened, side, most)
    pixels, images, cells = patches(opened, among, level, number, count, margin)
    occurs = int(among.counts[level - 1, number])
    return Code(
        level, number, occurs, occurs / among.count, among.positions(level, number), pixels, images, cells, nearest
    )


def patches(
    opened: Opened, among: TokenSet, level: int, number: int, count: int = PATCHES, margin: int = 1
) -> tuple[Pixels, NDArray[np.int64], NDArray[np.int64]]:
    """The patches (n, ph, pw, C) of a code, the numbers of their images and their cells (n, 2); n is `count` or less.

    Beyond the border of an image its last pixels are repeated. Raises UserError where the images are not there.
    """
    images, size, grid = opened.need_images("the patches of a code"), tile_size(opened, margin), among.grid
    ranked = among.ranked(level)
    chosen = slice(ranked.start[number], min(ranked.start[number] + count, ranked.start[number + 1]))
    numbers, cells = among.numbers[ranked.image[chosen]], np.stack(np.divmod(ranked.cell[chosen], grid.width), 1)
    whole = images.pixels(among.side, numbers)
    return cut(whole, cells[:, 0], cells[:, 1], (grid.height, grid.width), size), numbers, cells
