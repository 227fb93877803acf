"""The exponential moving average codebook: each code is the mean of the tokens it won, recent ones weighing more.

arXiv 1711.00937 appendix A.1, arXiv 1906.00446. With counts c and sums s of one step's tokens, per code,

    n <- g n + (1 - g) c        m <- g m + (1 - g) s
    n' = (n + e) / (sum n + K e) * sum n        code = m / n'

n starts at 1 with m at the code (or, from k-means, m = mean x n): a count that starts at 0 makes unused codes explode.
"""

from __future__ import annotations

import torch
from torch import Tensor


@torch.no_grad()
def decay_towards(average: Tensor, new: Tensor, decay: float) -> None:
    """average <- decay * average + (1 - decay) * new, in place."""
    average.lerp_(new, 1.0 - decay)


def known(counts: Tensor, epsilon: float) -> Tensor:
    """Which codes have won enough of late to have a mean: counts n (S, K) -> (S, K) bool.

    The others stay where they are: with n near e the smoothing pulls a code to 0, which under cosine is no code at all and
    would be nearest to every token in no code's direction.
    """
    return counts > 100 * epsilon


@torch.no_grad()
def codes_of(counts: Tensor, sums: Tensor, epsilon: float) -> Tensor:
    """Counts n (S, K) and sums m (S, K, D) -> codes (S, K, D), with the smoothing of the counts above."""
    total = counts.sum(-1, keepdim=True)
    smoothed = (counts + epsilon) * (total / (total + counts.shape[-1] * epsilon))
    return sums / smoothed.unsqueeze(-1)
