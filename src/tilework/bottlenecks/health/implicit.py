"""The statistics of a quantiser that has no codebook: FSQ, LFQ."""

from __future__ import annotations

import torch
from torch import Tensor

from tilework.bottlenecks.health.usage import perplexity
from tilework.bottlenecks.tokens import occurrences


def implicit_stats(code: Tensor, codes: int, error: Tensor, z_norm: Tensor, usable: Tensor | None) -> dict[str, Tensor]:
    """`Latent.stats` of one level: code (N,) int64 of `codes` K; error, the mean squared quantisation error, and z_norm scalars.

    `usable` (N,): tokens that are finite and counted, None = all.
    """
    counted = code if usable is None else torch.where(usable, code, codes)
    counts = occurrences(counted, codes).unsqueeze(0)
    return {
        "counts": counts,
        "perplexity": perplexity(counts, len(code) if usable is None else None),
        "quantisation_error": error.detach().unsqueeze(0),
        "z_norm": z_norm,
        "nonfinite": z_norm.new_zeros(()) if usable is None else (~usable).sum().float(),
    }
