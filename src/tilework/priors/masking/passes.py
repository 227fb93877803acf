"""Which missing tokens a pass draws."""

from __future__ import annotations

import torch
from torch import Tensor

from tilework.priors.masking.schedule import portions


def counts_of(missing: Tensor, steps: int) -> Tensor:
    """Missing tokens (B, P) bool -> how many each pass draws of each item, (passes, B) int64: no pass draws nothing at all."""
    each = [portions(int(count), steps) for count in missing.sum(1).tolist()]
    passes = max(map(len, each), default=0)
    return torch.tensor([counts + [0] * (passes - len(counts)) for counts in each], device="cpu").T


def first_of(scores: Tensor, missing: Tensor, count: Tensor) -> Tensor:
    """The `count` (B,) missing tokens (B, P) of the highest scores (B, P), as bool (B, P); all on one device."""
    rank = scores.masked_fill(~missing, float("-inf")).argsort(dim=1, descending=True, stable=True).argsort(dim=1)
    first: Tensor = rank < count[:, None]
    return first & missing
