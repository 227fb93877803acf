"""Entropy: each token decides for a code, and all tokens together use many."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from tilework.objective.contract import LossTerm, Outcome, TermConfig
from tilework.spec import Scheduled
from tilework.spec.schedules import Constant


class Entropy(LossTerm):
    """E[H(p(c|x))] - diversity x H(E[p(c|x)]) in nats, eq. 4 of arXiv 2310.05737, as the bottleneck measured it.

    `diversity` is a setting of the bottleneck. Below zero where codes are used evenly: the least value is -diversity x log K.
    """

    def forward(self, outcome: Outcome) -> Tensor:
        return outcome.losses["entropy"]


class Config(TermConfig):
    """Entropy loss, for lookup-free quantisation."""

    kind: Literal["entropy"] = "entropy"
    needs: ClassVar[frozenset[str]] = frozenset({"entropy"})
    weight: Scheduled = Field(default=Constant(value=0.1), description="factor of this term in the total loss")

    def build(self) -> LossTerm:
        return Entropy()
