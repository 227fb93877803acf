"""A 3x3 convolution and nothing else."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import nn

from tilework.nets.blocks.contract import BlockConfig
from tilework.nets.layers import Activation, Norm


class Config(BlockConfig):
    """A 3x3 convolution; activation and norm come from the ladder, as after every convolution of it."""

    kind: Literal["plain"] = "plain"
    activates_input: ClassVar[bool] = False

    def build(self, width: int, activation: Activation, norm: Norm) -> nn.Module:
        return nn.Conv2d(width, width, 3, padding=1)
