"""Each code decoded alone: what the decoder makes of a code."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tilework.engine.autoencoder.snapshot import to_uint8
from tilework.engine.autoencoder.view import ModelView
from tilework.engine.tasks.contract import Arrays

MOST = 512
"""Q x K up to which codes are decoded."""
AT_ONCE = 32


class DecodedCodes:
    """Keeps the image of every code, and makes some of them anew at each look."""

    def __init__(self, view: ModelView) -> None:
        self.view = view
        self._images: NDArray[np.uint8] | None = None
        self._next = 0
        self._every_index: Tensor | None = None

    @torch.no_grad()
    def of_every_index(self, codes: int) -> Tensor:
        """What the K indices of a bottleneck without a codebook stand for, (K, D); they never move."""
        if self._every_index is None:
            indices = torch.arange(codes, device=self.view.device)
            self._every_index = self.view.model.bottleneck.lookup(indices[:, None, None, None]).flatten(1)
        return self._every_index

    @torch.no_grad()
    def arrays(self, books: tuple[Tensor, ...], *, whole: bool, at_once: int = AT_ONCE) -> Arrays:
        """`decoded` (Q, K, H, W, C): level 1 as it is, a later level on top of the mean code of the levels before.

        After the first time only the next `at_once` of them are made anew, in turn, or all where `whole`. Raises NotFinite.
        """
        if not books or len(books) * len(books[0]) > MOST:
            return {}
        every = torch.cat(_one_on_another(books))
        if self._images is None or whole or at_once >= len(every):
            chosen = torch.arange(len(every), device=every.device)
        else:
            chosen = (torch.arange(at_once, device=every.device) + self._next) % len(every)
            self._next = (self._next + at_once) % len(every)
        images = self._decoded(self.view.model.bottleneck.outer(every[chosen]))
        if self._images is None:
            self._images = images
        self._images[chosen.cpu().numpy()] = images
        return {"decoded": self._images.reshape(len(books), len(books[0]), *images.shape[1:])}

    def _decoded(self, z: Tensor) -> NDArray[np.uint8]:
        """(N, D) -> (N, h, w, C); on a grid the same code lies on a few tokens, and the inner ones are shown."""
        grid, several = self.view.grid, self.view.positions > 1
        small = (min(grid.height, 5), min(grid.width, 5)) if several else (1, 1)
        field = z[:, :, None, None].expand(-1, -1, *small)
        with self.view.evaluating() as model:
            images = model.decoder(field.contiguous())
        if several:  # The border sees the padding.
            images = _inner(images, small)
        return to_uint8(images.clamp(0, 1))


def _one_on_another(books: tuple[Tensor, ...]) -> list[Tensor]:
    base = torch.zeros_like(books[0][:1])
    shown = []
    for book in books:
        shown.append(base + book)
        base = base + book.mean(0, keepdim=True)
    return shown


def _inner(images: Tensor, tokens: tuple[int, int]) -> Tensor:
    """The part of (B, C, H, W) that the middle tokens made."""
    high, wide = images.shape[-2] // tokens[0], images.shape[-1] // tokens[1]
    top, left = (1 if tokens[0] > 2 else 0), (1 if tokens[1] > 2 else 0)
    return images[..., top * high : images.shape[-2] - top * high, left * wide : images.shape[-1] - left * wide]
