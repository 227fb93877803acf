"""Learned perceptual similarity (LPIPS): differences that people see rather than differences of pixels."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from tilework.objective.contract import LossTerm, Outcome, TermConfig
from tilework.objective.perceptual import NetName, PerceptualDistance, load_weights
from tilework.spec import Scheduled
from tilework.spec.hints import unset
from tilework.spec.schedules import Constant


class Perceptual(LossTerm):
    """Mean over the batch of the LPIPS distance (arXiv 1801.03924) between image and reconstruction.

    Images in [0, 1] are brought to [-1, 1], what the network was made for; fed as they stand they lose contrast, and the
    loss then allows washed-out reconstructions. `input_range_fault` does just that, to reproduce models trained so. Grey
    images are repeated to three channels. Gradients reach the reconstruction only.
    """

    def __init__(self, distance: PerceptualDistance, input_range_fault: bool = False) -> None:
        super().__init__()
        self.distance = distance
        self.input_range_fault = input_range_fault

    def forward(self, outcome: Outcome) -> Tensor:
        with torch.no_grad():
            x = self._ranged(outcome.x)
        value: Tensor = self.distance(x, self._ranged(outcome.recon)).mean()
        return value

    def _ranged(self, x: Tensor) -> Tensor:
        return x if self.input_range_fault else 2 * x - 1


class Config(TermConfig):
    """LPIPS perceptual distance; its weights must be there before the first step."""

    kind: Literal["lpips"] = "lpips"
    is_reconstruction: ClassVar[bool] = True
    weight: Scheduled = Field(default=Constant(value=0.1), description="factor of this term in the total loss")
    net: NetName = Field(
        default="squeeze",
        description="frozen network whose features are compared; smallest image 17 (squeeze), 31 (alex), 16 (vgg) pixels",
    )
    weights: str | None = Field(
        default=None,
        description="path to an .npz or .safetensors file; torchvision = the packages torchvision and lpips",
        json_schema_extra=unset("$TILEWORK_LPIPS, then lpips_<net>_v0.1.npz in the cache folder"),
    )
    input_range_fault: bool = Field(
        default=False,
        description="feed pixels of [0, 1] where [-1, 1] is expected: a known fault, kept to reproduce it",
    )

    def build(self) -> LossTerm:
        return Perceptual(PerceptualDistance(self.net, load_weights(self.net, self.weights)), self.input_range_fault)
