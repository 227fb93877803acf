"""Which codes are used, over a whole held-out pass. A usage figure without its token count is not a figure."""

from __future__ import annotations

import torch
from torch import Tensor


def perplexity(counts: Tensor, total: int | None = None) -> Tensor:
    """exp of the entropy (nats) of the shares of counts (..., K): (...), from 1 (one code) to K (all alike).

    No counts at all give 1. `total`, where the host knows it, is the sum of each row.
    """
    share = counts / (total or counts.sum(-1, keepdim=True).clamp_min(1))
    entropy: Tensor = torch.special.entr(share).sum(-1)
    return entropy.exp()


class Usage:
    """Counts codes over a held-out pass: `add` each batch's codes, then read `used` and `perplexity`."""

    def __init__(self, levels: int, codes_per_level: int) -> None:
        self.counts = torch.zeros(levels, codes_per_level, dtype=torch.int64)
        """(Q, K) on the CPU."""

    def add(self, codes: Tensor) -> None:
        """Count codes (B, Q, H, W) or (B, Q, N) int64."""
        q, k = self.counts.shape
        if codes.shape[1] != q:
            raise ValueError(f"codes have {codes.shape[1]} levels and the count has {q}")
        flat = codes.detach().transpose(0, 1).reshape(q, -1)
        flat = flat + torch.arange(q, device=flat.device).unsqueeze(1) * k
        self.counts += torch.bincount(flat.view(-1), minlength=q * k).view(q, k).cpu()

    @property
    def perplexity(self) -> Tensor:
        """(Q,) float64."""
        return perplexity(self.counts.double())

    @property
    def used(self) -> Tensor:
        """(Q,) int64: codes that occurred at least once."""
        return (self.counts > 0).sum(-1)
