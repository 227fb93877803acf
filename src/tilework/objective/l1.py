"""Mean absolute error between image and reconstruction."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from tilework.objective.contract import LossTerm, Outcome, TermConfig


class MeanAbsoluteError(LossTerm):
    """Absolute difference of the pixels, on [0, 1]: its best constant is the median, so edges stay sharper than under MSE.

    `pixel`: mean over B, C, H, W of |x - recon|. `image`: sum over C, H, W, mean over B.
    """

    def __init__(self, per: Literal["pixel", "image"] = "pixel") -> None:
        super().__init__()
        self.per = per

    def forward(self, outcome: Outcome) -> Tensor:
        if self.per == "pixel":
            return F.l1_loss(outcome.recon, outcome.x)
        return F.l1_loss(outcome.recon, outcome.x, reduction="sum") / outcome.x.shape[0]


class Config(TermConfig):
    """Mean absolute error."""

    kind: Literal["l1"] = "l1"
    is_reconstruction: ClassVar[bool] = True
    per: Literal["pixel", "image"] = Field(
        default="pixel",
        description="pixel = mean over everything; image = sum over pixels and colours, mean over images",
    )

    def build(self) -> LossTerm:
        return MeanAbsoluteError(self.per)
