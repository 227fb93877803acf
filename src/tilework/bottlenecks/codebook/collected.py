"""What the forward passes since the last update have seen, until the update applies it.

S sets of K codes, P tokens taken per step.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tilework.bottlenecks.codebook import reservoir
from tilework.bottlenecks.codebook.counter import Counter
from tilework.bottlenecks.codebook.ranks import sum_over_ranks


@dataclass
class Taken:
    """Tokens for the ring: `points` (S, P, D), 0 where this process does not own the slot, and `owned` (P,) float32."""

    points: Tensor
    owned: Tensor


@dataclass
class Collected:
    """`counts` (S, K): tokens that each code won; `sums` (S, K, D) of them, where the rule asks for it; `taken` for the ring."""

    counts: Tensor
    sums: Tensor | None
    taken: Taken | None
    forwards: int = 1

    def add(self, new: Collected, now: Counter | None) -> None:
        """Take in one more forward pass of the same step."""
        self.counts = self.counts + new.counts
        if self.sums is not None and new.sums is not None:
            self.sums = self.sums + new.sums  # not in place: the first may have been made in inference mode
        if self.taken is not None and new.taken is not None and now is not None:
            points, owned = new.taken.points, new.taken.owned
            take = reservoir.keeps_new(now, len(owned), self.forwards, points.device)
            self.taken = Taken(
                torch.where(take[:, None], points, self.taken.points), torch.where(take, owned, self.taken.owned)
            )
        self.forwards += 1

    def over_ranks(self) -> Collected:
        """The same of all processes, by one collective; every process must call it."""
        sums = [] if self.sums is None else [self.sums]
        taken = [] if self.taken is None else [self.taken.points, self.taken.owned]
        summed = sum_over_ranks([self.counts, *sums, *taken])
        return Collected(
            summed[0],
            summed[1] if sums else None,
            Taken(summed[-2], summed[-1]) if taken else None,
            self.forwards,
        )
