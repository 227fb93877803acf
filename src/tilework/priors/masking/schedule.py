"""The cosine schedule of MaskGIT (arXiv 2202.04200, section 3.3): few tokens while little is known, many at the end."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def hidden_share(done: float) -> float:
    """The share of tokens that is still hidden when `done`, in [0, 1], of the passes are over."""
    return math.cos(math.pi / 2 * done)


def portions(tokens: int, passes: int) -> list[int]:
    """How many of `tokens` each pass draws: `passes` of them or as many as there are tokens, each at least one."""
    passes = min(passes, tokens)
    left, counts = tokens, []
    for number in range(1, passes + 1):
        wanted = left - round(tokens * hidden_share(number / passes))
        counts.append(min(max(1, wanted), left - (passes - number)))
        left -= counts[-1]
    return counts


def training_counts(batch: int, tokens: int, device: torch.device) -> Tensor:
    """How many of `tokens` are hidden in each item in training: ceil(cos(pi r / 2) tokens), r even in [0, 1); (B,) int64."""
    share = torch.cos(math.pi / 2 * torch.rand(batch, device=device))
    return (share * tokens).ceil().long().clamp(1, tokens)
