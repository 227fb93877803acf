"""Mean squared error between image and reconstruction."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from tilework.objective.contract import LossTerm, Outcome, TermConfig


class MeanSquaredError(LossTerm):
    """Squared difference of the pixels, on [0, 1].

    `pixel`: mean over B, C, H, W of (x - recon)^2. `image`: sum over C, H, W, mean over B; this is, up to a constant, the
    negative log-likelihood of a Gaussian of variance 1/2, the scale on which a KL weight of 1 is a lower bound
    (arXiv 1312.6114, eq. 8).
    """

    def __init__(self, per: Literal["pixel", "image"] = "pixel") -> None:
        super().__init__()
        self.per = per

    def forward(self, outcome: Outcome) -> Tensor:
        if self.per == "pixel":
            return F.mse_loss(outcome.recon, outcome.x)
        return F.mse_loss(outcome.recon, outcome.x, reduction="sum") / outcome.x.shape[0]


class Config(TermConfig):
    """Mean squared error; the term that PSNR is computed from."""

    kind: Literal["mse"] = "mse"
    is_reconstruction: ClassVar[bool] = True
    per: Literal["pixel", "image"] = Field(
        default="pixel",
        description="pixel = mean over everything; image = sum over pixels and colours, mean over images",
    )

    def build(self) -> LossTerm:
        return MeanSquaredError(self.per)
