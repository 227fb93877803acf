"""Binary cross-entropy: each pixel as the probability of white."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from tilework.errors import UserError
from tilework.objective.contract import LossTerm, Outcome, TermConfig


class BinaryCrossEntropy(LossTerm):
    """-(x log r + (1 - x) log(1 - r)) with r the reconstruction, in nats (arXiv 1312.6114, appendix C.1).

    `pixel`: mean over B, C, H, W. `image`: sum over C, H, W, mean over B. Logarithms are held at -100 or above, so that a
    saturated pixel is finite. For grey pixels (0 < x < 1) the smallest value is the entropy of x, not 0.

    Raises UserError at the first pass if the reconstruction leaves [0, 1] (a decoder with linear output).
    """

    def __init__(self, per: Literal["pixel", "image"] = "image") -> None:
        super().__init__()
        self.per = per
        self._looked = False

    def forward(self, outcome: Outcome) -> Tensor:
        if not self._looked:
            self._refuse_out_of_range(outcome.recon)
            self._looked = True
        # Later steps are not looked at (that would wait for the device); the clamp keeps them from a device-side abort.
        recon = outcome.recon.clamp(0.0, 1.0)
        if self.per == "pixel":
            return F.binary_cross_entropy(recon, outcome.x)
        return F.binary_cross_entropy(recon, outcome.x, reduction="sum") / outcome.x.shape[0]

    @staticmethod
    def _refuse_out_of_range(recon: Tensor) -> None:
        low, high = recon.detach().aminmax()
        if float(low) < 0 or float(high) > 1:
            raise UserError(
                f"objective.bce needs reconstructions in [0, 1]; the decoder gave {float(low):.3g} to {float(high):.3g}",
                why="cross-entropy reads each pixel as a probability, and this decoder's output is not bounded",
                fix="set decoder.output=sigmoid, or use objective.mse in place of objective.bce",
            )


class Config(TermConfig):
    """Binary cross-entropy, for images that are mostly black and white; needs a sigmoid output."""

    kind: Literal["bce"] = "bce"
    is_reconstruction: ClassVar[bool] = True
    per: Literal["pixel", "image"] = Field(
        default="image",
        description="pixel = mean over everything; image = sum over pixels and colours, mean over images",
    )

    def build(self) -> LossTerm:
        return BinaryCrossEntropy(self.per)
