"""Which dimensions of a Gaussian latent carry something, over a whole held-out pass."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

ACTIVE = 0.01
"""A dimension with less KL (nats), or less variance of its mean, than this has collapsed to the prior."""


class Activity:
    """Mean KL per dimension and variance of mu over a pass, from the `stats` of a Gaussian bottleneck's batches."""

    def __init__(self, dim: int) -> None:
        self.tokens = 0
        self._kl = torch.zeros(dim, dtype=torch.float64)
        self._mu = torch.zeros(dim, dtype=torch.float64)
        self._square = torch.zeros(dim, dtype=torch.float64)

    def add(self, stats: Mapping[str, Tensor], tokens: int) -> None:
        """One batch: `kl_per_dim`, `mu_mean` and `mu_var` (D,), each a mean over its `tokens` (B x H x W)."""
        mean = stats["mu_mean"].detach().cpu().double()
        self._kl += tokens * stats["kl_per_dim"].detach().cpu().double()
        self._mu += tokens * mean
        self._square += tokens * (stats["mu_var"].detach().cpu().double() + mean.square())
        self.tokens += tokens

    @property
    def kl_per_dim(self) -> Tensor:
        """(D,) float64, nats per token."""
        return self._kl / max(1, self.tokens)

    @property
    def mu_variance(self) -> Tensor:
        """(D,) float64: variance of mu over all tokens of the pass (Burda et al., arXiv 1509.00519, section 5.2)."""
        mean = self._mu / max(1, self.tokens)
        return (self._square / max(1, self.tokens) - mean.square()).clamp_min(0)

    @property
    def active(self) -> Tensor:
        """(D,) bool: KL above 0.01 nats."""
        return self.kl_per_dim > ACTIVE

    @property
    def active_by_variance(self) -> Tensor:
        """(D,) bool: variance of mu above 0.01."""
        return self.mu_variance > ACTIVE
