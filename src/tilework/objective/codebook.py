"""Codebook: the codes move to the encoder outputs that chose them."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor

from tilework.objective.contract import LossTerm, Outcome, TermConfig


class CodebookLoss(LossTerm):
    """|stop_gradient(z_e) - q|^2, the second term of arXiv 1711.00937, eq. 3, as the bottleneck measured it.

    Mean over batch, positions and dimensions, and over levels where there are several. It moves the codes only. A codebook
    that learns by moving averages has no such loss.
    """

    def forward(self, outcome: Outcome) -> Tensor:
        return outcome.losses["codebook"]


class Config(TermConfig):
    """Codebook loss, for codebooks that learn by gradient."""

    kind: Literal["codebook"] = "codebook"
    needs: ClassVar[frozenset[str]] = frozenset({"codebook"})

    def build(self) -> LossTerm:
        return CodebookLoss()
