"""Commitment: the encoder's output stays near the codes it chose."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from tilework.objective.contract import LossTerm, Outcome, TermConfig
from tilework.spec import Scheduled
from tilework.spec.schedules import Constant


class Commitment(LossTerm):
    """|z_e - stop_gradient(q)|^2, the third term of arXiv 1711.00937, eq. 3, as the bottleneck measured it.

    Mean over batch, positions and dimensions, and over levels where there are several. It moves the encoder only; the
    weight beta belongs here and not to the codebook term. What a bottleneck without a codebook measures is in its own words:
    LFQ the distance from its signs, FSQ how far its channels are beyond what its levels can distinguish.
    """

    def forward(self, outcome: Outcome) -> Tensor:
        return outcome.losses["commitment"]


class Config(TermConfig):
    """Commitment loss; `weight` is the paper's beta."""

    kind: Literal["commitment"] = "commitment"
    needs: ClassVar[frozenset[str]] = frozenset({"commitment"})
    weight: Scheduled = Field(
        default=Constant(value=0.25), description="beta, the factor of this term in the total loss"
    )

    def build(self) -> LossTerm:
        return Commitment()
