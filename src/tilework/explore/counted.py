"""The tokens of many images of a run, computed once: what usage, positions and the patches of codes are counted from.

Shape legend: n images, Q levels of K codes on h x w cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from tilework.bottlenecks.tokens import refuse_nonfinite
from tilework.explore.opened import Opened, Side
from tilework.explore.token_grid import TokenGrid
from tilework.explore.token_images import token_grid

MOST_IMAGES = 2_000
"""Images of a side whose tokens are computed; of more, so many spread over all of it."""
_PIXELS_AT_ONCE = 2**18


@dataclass(frozen=True)
class Ranked:
    """The tokens of a level in the order of their codes, of each code the nearest to it first.

    Of an image only the nearest token of each code is kept: neighbours that look alike would fill the list.
    """

    image: NDArray[np.int64]
    """Place in `numbers`."""
    cell: NDArray[np.int64]
    """y * w + x."""
    start: NDArray[np.int64]
    """(K + 1,): tokens `start[k]:start[k + 1]` have code k."""


@dataclass(frozen=True)
class TokenSet:
    """The tokens of images of one side, and how far the encoder's output lies from each one's code."""

    side: Side
    numbers: NDArray[np.int64]
    """(n,) numbers of the images within their side."""
    images: int
    """How many images the side has."""
    grid: TokenGrid
    codes: NDArray[np.int32]
    """(n, Q, h, w)."""
    distance: NDArray[np.float32]
    """(n, Q, h, w), squared, in the space where the quantiser searches."""

    @property
    def count(self) -> int:
        """N: tokens of one level."""
        return len(self.numbers) * self.grid.height * self.grid.width

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """(Q, K): how often each code occurs."""
        levels = self.codes.transpose(1, 0, 2, 3).reshape(self.grid.levels, -1)
        return np.stack([np.bincount(level, minlength=self.grid.size) for level in levels])

    def positions(self, level: int, code: int) -> NDArray[np.int64]:
        """(h, w): how often a code of a level (from 1) occurs in each cell. Raises UserError for what there is not."""
        found: NDArray[np.int64] = (self.codes[:, self.grid.level(level)] == self.grid.code(code)).sum(0)
        return found

    def every_position(self, level: int) -> NDArray[np.int32]:
        """(K, h, w): `positions` of every code of a level (from 1)."""
        cells = self.grid.height * self.grid.width
        flat = self.codes[:, self.grid.level(level)].reshape(-1, cells).astype(np.int64) * cells + np.arange(cells)
        counts = np.bincount(flat.reshape(-1), minlength=self.grid.size * cells)
        return counts.reshape(self.grid.size, self.grid.height, self.grid.width).astype(np.int32)

    def ranked(self, level: int) -> Ranked:
        """The tokens of a level (from 1) by code and nearness; made at the first call. Raises UserError for no such level."""
        place = self.grid.level(level)
        if place not in self._ranked:
            self._ranked[place] = self._rank(place)
        return self._ranked[place]

    @cached_property
    def _ranked(self) -> dict[int, Ranked]:
        return {}

    def _rank(self, place: int) -> Ranked:
        cells = self.grid.height * self.grid.width
        code = self.codes[:, place].reshape(-1).astype(np.int64)
        # Squares are never negative, and the bits of such floats are in their order: one number sorts by code and distance.
        distance = np.ascontiguousarray(self.distance[:, place].reshape(-1)).view(np.int32).astype(np.int64)
        order = np.argsort(code << 32 | distance, kind="stable")
        image = order // cells
        # The first token of each (code, image) is its nearest.
        pair = code[order] * len(self.numbers) + image
        _, first = np.unique(pair, return_index=True)
        kept = order[np.sort(first)]
        start = np.searchsorted(code[kept], np.arange(self.grid.size + 1))
        return Ranked(kept // cells, kept % cells, start)


def token_set(opened: Opened, side: Side = "train", most: int = MOST_IMAGES) -> TokenSet:
    """The tokens of a side's images, at most `most` of them spread over all; computed at the first call and kept.

    Raises UserError for a model without tokens, and where the images are not there.
    """
    token_grid(opened.model)
    images = opened.need_images("counting its tokens")
    most = min(most, len(images.side(side)))
    return opened.once(f"tokens {side} {most}", lambda: _computed(opened, side, most))


@torch.no_grad()
def _computed(opened: Opened, side: Side, most: int) -> TokenSet:
    model, images = opened.model, opened.need_images("counting its tokens")
    grid, network = token_grid(model), model.network
    every = len(images.side(side))
    numbers = np.linspace(0, every - 1, most).round().astype(np.int64)
    codes = np.empty((most, grid.levels, grid.height, grid.width), np.int32)
    distance = np.empty(codes.shape, np.float32)
    height, width, _ = images.store.shape
    at_once = max(1, _PIXELS_AT_ONCE // (height * width))
    books = [book.detach() for book in network.bottleneck.codebooks()]
    for begin in range(0, most, at_once):
        opened.between()
        part = slice(begin, min(begin + at_once, most))
        h = network.encoder(model.as_input(images.pixels(side, numbers[part]))).float()
        refuse_nonfinite(h)
        latent = network.bottleneck(h)
        assert latent.codes is not None
        codes[part] = latent.codes.cpu().numpy()
        for level in range(grid.levels):
            if books:
                off = latent.inputs[level] - books[level].index_select(0, latent.codes[:, level].flatten())
            else:
                assert latent.mean is not None
                off = latent.mean - latent.z.permute(0, 2, 3, 1).flatten(0, 2)
            distance[part, level] = off.square().sum(1).reshape(-1, grid.height, grid.width).cpu().numpy()
    return TokenSet(side, numbers, every, grid, codes, distance)
