"""The Halton sequence: each new position lies far from all before it (arXiv 2503.17076).

Tokens that are drawn together do not see each other; far apart, they depend least on each other.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

from tilework.priors.orders import contract


class Order(contract.Order):
    """Halton sequence in bases 2 and 3 over rows and columns, and 5 over frames. Each item starts somewhere else: the sequence is
    moved by a random offset and goes around at the borders, so that no position is always the first."""

    def __init__(self, batch: int, frames: int, height: int, width: int, generator: torch.Generator) -> None:
        super().__init__(batch, frames, height, width, generator)
        self._ranks = self._moved()

    def scores(self, log_probability: Tensor | None, left: float) -> Tensor:
        return -self._ranks

    def new_level(self) -> None:
        self._ranks = self._moved()

    def _moved(self) -> Tensor:
        """(B, P) float32: the number of each position in the sequence of its item."""
        ranks = torch.tensor(halton_ranks(*self.grid), device="cpu", dtype=torch.float32).view(self.grid)
        offsets = [torch.randint(n, (self.batch,), generator=self.generator, device="cpu").tolist() for n in self.grid]
        moved = [torch.roll(ranks, shift, (0, 1, 2)).flatten() for shift in zip(*offsets, strict=True)]
        return torch.stack(moved)


@lru_cache(maxsize=32)
def halton_ranks(frames: int, height: int, width: int) -> tuple[int, ...]:
    """For each position, in raster order, how many positions come before it in the sequence."""
    places = frames * height * width
    ranks: dict[int, int] = {}
    number = 0
    while len(ranks) < places:
        # From 1: point 0 of the sequence is a corner in all bases.
        number += 1
        row, column = int(radical_inverse(number, 2) * height), int(radical_inverse(number, 3) * width)
        frame = int(radical_inverse(number, 5) * frames)
        ranks.setdefault((frame * height + row) * width + column, len(ranks))
    return tuple(ranks[place] for place in range(places))


def radical_inverse(number: int, base: int) -> float:
    """The digits of `number` in `base`, mirrored at the point: 6 = 110 in base 2 gives 0.011 = 3/8."""
    value, place = 0.0, 1.0
    while number:
        number, digit = divmod(number, base)
        place /= base
        value += digit * place
    return value


class Config(contract.OrderConfig):
    """Far from all before it."""

    kind: Literal["halton"] = "halton"
