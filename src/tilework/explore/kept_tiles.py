"""The tiles of a level's codes, each decoded when it is first asked for and then kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tilework.explore.counted import TokenSet
from tilework.explore.opened import Opened, Pixels
from tilework.explore.tiles import TileSize, tile_size, tiles
from tilework.explore.token_images import token_grid


class KeptTiles:
    """Tiles of a level (from 1), as `tiles` makes them. Raises UserError for a level that there is not."""

    def __init__(self, opened: Opened, level: int, among: TokenSet | None, margin: int) -> None:
        grid = token_grid(opened.model)
        grid.level(level)
        self.size: TileSize = tile_size(opened, margin)
        self._opened, self._level, self._among = opened, level, among
        self._there = np.zeros(grid.size, bool)
        channels = opened.model.spec.data.channels  # type: ignore[attr-defined]
        self._tiles = np.zeros((grid.size, *self.size.shape, channels), np.uint8)

    def of(self, codes: NDArray[np.int64]) -> Pixels:
        """(n, th, tw, C) uint8 of these codes; only those that nobody has asked for yet are decoded."""
        missing = np.unique(codes[~self._there[codes]])
        if len(missing):
            self._tiles[missing] = tiles(self._opened, self._level, missing, self._among, self.size.margin)
            self._there[missing] = True
        found: Pixels = self._tiles[codes]
        return found
