"""The three frozen networks whose features LPIPS compares, as plain lists of layers with the weights' own names.

Layer numbers are those of `features` in the published models, because the weight files are keyed by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Conv:
    """`features.<at>`: a convolution of `width` to `out` channels and the ReLU after it."""

    at: int
    width: int
    out: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1

    def shapes(self) -> Shapes:
        return {f"features.{self.at}": (self.out, self.width, self.kernel, self.kernel)}

    def __call__(self, x: Tensor, w: Mapping[str, Tensor]) -> Tensor:
        return _convolve(x, w, f"features.{self.at}", self.stride, self.padding).relu_()


@dataclass(frozen=True)
class Fire:
    """`features.<at>`: 1x1 squeeze, then 1x1 and 3x3 side by side (arXiv 1602.07360, figure 2)."""

    at: int
    width: int
    squeeze: int
    expand: int

    def shapes(self) -> Shapes:
        return {
            f"features.{self.at}.squeeze": (self.squeeze, self.width, 1, 1),
            f"features.{self.at}.expand1x1": (self.expand, self.squeeze, 1, 1),
            f"features.{self.at}.expand3x3": (self.expand, self.squeeze, 3, 3),
        }

    def __call__(self, x: Tensor, w: Mapping[str, Tensor]) -> Tensor:
        squeeze, small, large = self.shapes()
        x = _convolve(x, w, squeeze).relu_()
        return torch.cat([_convolve(x, w, small), _convolve(x, w, large, padding=1)], dim=1).relu_()


@dataclass(frozen=True)
class Pool:
    """Maximum over windows of `kernel`, stride 2."""

    kernel: int
    ceil: bool = False

    def shapes(self) -> Shapes:
        return {}

    def __call__(self, x: Tensor, w: Mapping[str, Tensor]) -> Tensor:
        return F.max_pool2d(x, self.kernel, 2, ceil_mode=self.ceil)


@dataclass(frozen=True)
class Backbone:
    """Stages of layers; the features after each stage are compared. Images must be `smallest` pixels or more each side."""

    stages: tuple[tuple[Conv | Fire | Pool, ...], ...]
    widths: tuple[int, ...]
    smallest: int

    def shapes(self) -> Shapes:
        """Shape of every weight: the backbone's `.weight` and `.bias`, and `lin<l>.weight` of the comparison."""
        wanted: Shapes = {}
        for stage in self.stages:
            for layer in stage:
                for name, shape in layer.shapes().items():
                    wanted |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
        return wanted | {f"lin{level}.weight": (1, width, 1, 1) for level, width in enumerate(self.widths)}

    def features(self, x: Tensor, weights: Mapping[str, Tensor]) -> list[Tensor]:
        """Normalised images (B, 3, H, W) -> one (B, C_l, H_l, W_l) for each stage."""
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
        (Conv(0, 3, 64, stride=2, padding=0),),
        (_POOL, Fire(3, 64, 16, 64), Fire(4, 128, 16, 64)),
        (_POOL, Fire(6, 128, 32, 128), Fire(7, 256, 32, 128)),
        (_POOL, Fire(9, 256, 48, 192)),
        (Fire(10, 384, 48, 192),),
        (Fire(11, 384, 64, 256),),
        (Fire(12, 512, 64, 256),),
    ),
    widths=(64, 128, 256, 384, 384, 512, 512),
    smallest=17,
)

ALEX = Backbone(
    stages=(
        (Conv(0, 3, 64, kernel=11, stride=4, padding=2),),
        (Pool(3), Conv(3, 64, 192, kernel=5, padding=2)),
        (Pool(3), Conv(6, 192, 384)),
        (Conv(8, 384, 256),),
        (Conv(10, 256, 256),),
    ),
    widths=(64, 192, 384, 256, 256),
    smallest=31,
)

VGG = Backbone(
    stages=(
        (Conv(0, 3, 64), Conv(2, 64, 64)),
        (Pool(2), Conv(5, 64, 128), Conv(7, 128, 128)),
        (Pool(2), Conv(10, 128, 256), Conv(12, 256, 256), Conv(14, 256, 256)),
        (Pool(2), Conv(17, 256, 512), Conv(19, 512, 512), Conv(21, 512, 512)),
        (Pool(2), Conv(24, 512, 512), Conv(26, 512, 512), Conv(28, 512, 512)),
    ),
    widths=(64, 128, 256, 512, 512),
    smallest=16,
)

BACKBONES = {"squeeze": SQUEEZE, "alex": ALEX, "vgg": VGG}
