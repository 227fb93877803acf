"""The three frozen networks whose features LPIPS compares, as plain lists of layers with the weights' own names.

Layer numbers are those of `features` in the published models, because the weight files are keyed by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Conv:
    """`features.<at>`: a convolution and the ReLU after it."""

    at: int
    stride: int = 1
    padding: int = 0

    def names(self) -> list[str]:
        return [f"features.{self.at}"]

    def __call__(self, x: Tensor, w: Mapping[str, Tensor]) -> Tensor:
        return _convolve(x, w, f"features.{self.at}", self.stride, self.padding).relu_()


@dataclass(frozen=True)
class Fire:
    """`features.<at>`: 1x1 squeeze, then 1x1 and 3x3 side by side (arXiv 1602.07360, figure 2)."""

    at: int

    def names(self) -> list[str]:
        return [f"features.{self.at}.{part}" for part in ("squeeze", "expand1x1", "expand3x3")]

    def __call__(self, x: Tensor, w: Mapping[str, Tensor]) -> Tensor:
        squeeze, small, large = self.names()
        x = _convolve(x, w, squeeze).relu_()
        return torch.cat([_convolve(x, w, small), _convolve(x, w, large, padding=1)], dim=1).relu_()


@dataclass(frozen=True)
class Pool:
    """Maximum over windows of `kernel`, stride 2."""

    kernel: int
    ceil: bool = False

    def names(self) -> list[str]:
        return []

    def __call__(self, x: Tensor, w: Mapping[str, Tensor]) -> Tensor:
        return F.max_pool2d(x, self.kernel, 2, ceil_mode=self.ceil)


@dataclass(frozen=True)
class Backbone:
    """Stages of layers; the features after each stage are compared. Pictures must be `smallest` pixels or more each side."""

    stages: tuple[tuple[Conv | Fire | Pool, ...], ...]
    widths: tuple[int, ...]
    smallest: int

    def layer_names(self) -> list[str]:
        """Names of all convolutions; each has a `.weight` and a `.bias`."""
        return [name for stage in self.stages for layer in stage for name in layer.names()]

    def features(self, x: Tensor, weights: Mapping[str, Tensor]) -> list[Tensor]:
        """Normalised pictures (B, 3, H, W) -> one (B, C_l, H_l, W_l) for each stage."""
        taps = []
        for stage in self.stages:
            for layer in stage:
                x = layer(x, weights)
            taps.append(x)
        return taps


def _convolve(x: Tensor, w: Mapping[str, Tensor], name: str, stride: int = 1, padding: int = 0) -> Tensor:
    return F.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], stride, padding)


_POOL = Pool(3, ceil=True)

SQUEEZE = Backbone(
    stages=(
        (Conv(0, stride=2),),
        (_POOL, Fire(3), Fire(4)),
        (_POOL, Fire(6), Fire(7)),
        (_POOL, Fire(9)),
        (Fire(10),),
        (Fire(11),),
        (Fire(12),),
    ),
    widths=(64, 128, 256, 384, 384, 512, 512),
    smallest=17,
)

ALEX = Backbone(
    stages=(
        (Conv(0, stride=4, padding=2),),
        (Pool(3), Conv(3, padding=2)),
        (Pool(3), Conv(6, padding=1)),
        (Conv(8, padding=1),),
        (Conv(10, padding=1),),
    ),
    widths=(64, 192, 384, 256, 256),
    smallest=31,
)

VGG = Backbone(
    stages=(
        (Conv(0, padding=1), Conv(2, padding=1)),
        (Pool(2), Conv(5, padding=1), Conv(7, padding=1)),
        (Pool(2), Conv(10, padding=1), Conv(12, padding=1), Conv(14, padding=1)),
        (Pool(2), Conv(17, padding=1), Conv(19, padding=1), Conv(21, padding=1)),
        (Pool(2), Conv(24, padding=1), Conv(26, padding=1), Conv(28, padding=1)),
    ),
    widths=(64, 128, 256, 512, 512),
    smallest=16,
)

BACKBONES = {"squeeze": SQUEEZE, "alex": ALEX, "vgg": VGG}
