"""Kullback-Leibler divergence of a Gaussian latent from its prior; the weight is beta."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from tilework.objective.contract import LossTerm, Outcome, TermConfig


class KullbackLeibler(LossTerm):
    """Sum over dimensions d of max(free_bits, KL_d), in nats, with KL_d from `Outcome.losses["kl_per_dim"]` (D,).

    KL_d = mean over batch and grid positions of (mu^2 + sigma^2 - log sigma^2 - 1) / 2 (arXiv 1312.6114, appendix B). For a
    latent vector (one position) this is the KL of one image; for a grid of H x W positions it is the KL of one position,
    so that beta keeps its meaning when the grid grows.

    Free bits (arXiv 1606.04934, appendix C.8): below `free_bits` a dimension costs the same whatever it carries, so it has
    no gradient towards collapse. Here each dimension is its own group.
    """

    def __init__(self, free_bits: float = 0.0) -> None:
        super().__init__()
        self.free_bits = free_bits

    def forward(self, outcome: Outcome) -> Tensor:
        kl = outcome.losses["kl_per_dim"]
        return (kl.clamp(min=self.free_bits) if self.free_bits > 0 else kl).sum()


class Config(TermConfig):
    """KL divergence from N(0, I); `weight` is beta. Use it with a reconstruction term `per: image`."""

    kind: Literal["kl"] = "kl"
    needs: ClassVar[frozenset[str]] = frozenset({"kl_per_dim"})
    free_bits: float = Field(
        default=0.0, ge=0, le=100, description="nats that each latent dimension may carry at no extra cost"
    )

    def build(self) -> LossTerm:
        return KullbackLeibler(self.free_bits)
