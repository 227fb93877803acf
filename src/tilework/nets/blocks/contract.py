"""What a block promises to the ladder that repeats it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import nn

from tilework.nets.layers import Activation, Norm
from tilework.spec import Plugin


class BlockConfig(Plugin, ABC):
    """Settings of a block, a layer (B, C, H, W) -> the same shape.

    Every field but `kind` is a setting of the ladder under the same name (nets/settings.py), and is read from there.
    """

    activates_input: ClassVar[bool]
    """The block begins with its own norm and activation, so that the ladder puts none in front of it."""

    @abstractmethod
    def build(self, width: int, activation: Activation, norm: Norm) -> nn.Module:
        """A new block of `width` channels; what it gives has had no activation yet."""
