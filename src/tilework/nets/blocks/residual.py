"""The residual block of the VQ-VAE paper."""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor, nn

from tilework.nets.blocks.contract import BlockConfig
from tilework.nets.layers import Activation, Norm, activation, named, norm


class Residual(nn.Module):
    """x + conv1x1(act(conv3x3(act(x)))): the block of the VQ-VAE paper (van den Oord 2017, arXiv 1711.00937, section 4.1).

    The 3x3 convolution has `hidden` channels. With a norm, one stands before each activation.
    """

    def __init__(self, width: int, hidden: int, act: Activation, normed: Norm = "none") -> None:
        super().__init__()
        layers: list[tuple[str, nn.Module | None]] = [
            ("norm1", norm(normed, width)),
            ("act1", activation(act)),
            ("conv1", nn.Conv2d(width, hidden, 3, padding=1)),
            ("norm2", norm(normed, hidden)),
            ("act2", activation(act, inplace=True)),
            ("conv2", nn.Conv2d(hidden, width, 1)),
        ]
        self.body = named((name, layer) for name, layer in layers if layer is not None)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> the same shape."""
        out: Tensor = x + self.body(x)
        return out


class Config(BlockConfig):
    """A residual block."""

    kind: Literal["residual"] = "residual"
    residual_width: int | None = None
    activates_input: ClassVar[bool] = True

    def build(self, width: int, activation: Activation, norm: Norm) -> nn.Module:
        return Residual(width, self.residual_width or width, activation, norm)
