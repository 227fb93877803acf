"""The few layers that ladders are made of: convolutions between two resolutions, norms, activations, the output.

Shapes: every layer takes and returns (B, C, H, W). Weights start as torch starts them.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor, nn

from tilework.errors import UserError
from tilework.nets.stepup import StepUp
from tilework.spec import Size

Activation = Literal["relu", "silu", "gelu", "leaky_relu", "elu"]
Norm = Literal["none", "batch", "group"]
Upsample = Literal["transposed", "resize"]
Range = Literal["sigmoid", "tanh", "linear"]


def named(layers: Iterable[tuple[str, nn.Module]]) -> nn.Sequential:
    """A Sequential whose weights are found under readable names (`stage1.conv.weight`)."""
    return nn.Sequential(OrderedDict(layers))


def activation(kind: Activation, *, inplace: bool = False) -> nn.Module:
    """The nonlinearity; `inplace` saves one feature map where nobody else reads the input (ReLU alone allows it)."""
    match kind:
        case "relu":
            return nn.ReLU(inplace=inplace)
        case "silu":
            return nn.SiLU()
        case "gelu":
            return nn.GELU()
        case "leaky_relu":
            return nn.LeakyReLU(0.2)
        case "elu":
            return nn.ELU()


def norm(kind: Norm, width: int) -> nn.Module | None:
    """BatchNorm, or GroupNorm in the most groups up to 32 that divide `width`; None for none."""
    match kind:
        case "batch":
            return nn.BatchNorm2d(width)
        case "group":
            return nn.GroupNorm(math.gcd(32, width), width)
        case "none":
            return None


def halved(side: int, kernel: int) -> int:
    """What a stride-2 convolution with padding 1 leaves of `side`: half, rounded up for kernel 3 and down for kernel 4.

    Either way every pixel is seen: kernel 4 on an odd side only does without the padding at the far end.
    """
    return (side - kernel + 2) // 2 + 1


def downsample(inputs: int, outputs: int, kernel: int) -> nn.Module:
    """The stride-2 convolution of an encoder."""
    return nn.Conv2d(inputs, outputs, kernel, stride=2, padding=1)


def upsample(inputs: int, outputs: int, kernel: int, small: Size, large: Size, how: Upsample) -> nn.Module:
    """From `small` back to exactly `large`.

    - `transposed`: ConvTranspose2d, stride 2, padding 1; output_padding restores odd sides.
    - `resize`: nearest-neighbour resize, then a 3x3 convolution: free of the checkerboard that a stride-2 transposed
      convolution can print (Odena 2016, doi 10.23915/distill.00003).
    """
    if how == "resize":
        nearest = nn.Upsample(size=(large.height, large.width), mode="nearest")
        return named([("resize", nearest), ("conv", nn.Conv2d(inputs, outputs, 3, padding=1))])
    # A transposed convolution alone gives 2 x side - 4 + kernel; what is missing is 0 or 1.
    missing = (large.height - 2 * small.height + 4 - kernel, large.width - 2 * small.width + 4 - kernel)
    if not all(0 <= side <= 1 for side in missing):
        raise UserError(
            f"decoder.kernel={kernel} cannot step up from {small} to {large}",
            why="the encoder's kernel halves that size in another way: a stride-2 convolution of kernel 3 rounds odd sides up, "
            "one of kernel 4 rounds them down",
            fix="leave decoder.kernel out, so that it mirrors the encoder, or set decoder.upsample=resize",
        )
    return StepUp(inputs, outputs, kernel, stride=2, padding=1, output_padding=missing)


class Flatten(nn.Module):
    """(B, C, H, W) -> (B, H W C): pixel by pixel, the order in which channels-last memory already lies, so nothing is copied."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, H W C)."""
        return x.permute(0, 2, 3, 1).flatten(1)


class Unflatten(nn.Module):
    """What undoes `Flatten`: (B, H W C) -> (B, C, H, W), channels last in memory."""

    def __init__(self, channels: int, size: Size) -> None:
        super().__init__()
        self.channels, self.size = channels, size

    def forward(self, x: Tensor) -> Tensor:
        """(B, H W C) -> (B, C, H, W)."""
        return x.reshape(-1, self.size.height, self.size.width, self.channels).permute(0, 3, 1, 2)

    def extra_repr(self) -> str:
        """Shown by print(module)."""
        return f"{self.channels}, {self.size}"


class ToImage(nn.Module):
    """The last step: to [0, 1] by sigmoid or (tanh + 1) / 2, or as it is (`linear`). Computed in float32.

    `final_relu` puts a ReLU in front, a fault that real programs have had: a sigmoid then never goes below 0.5 and every
    image is washed out or grey. It is here so that the fault can be shown and recognised.
    """

    def __init__(self, output: Range, final_relu: bool = False) -> None:
        super().__init__()
        self.output = output
        self.final_relu = final_relu

    def forward(self, y: Tensor) -> Tensor:
        """(B, C, H, W) of any range -> pixels, float32."""
        # bf16 has 8 bits of precision: near 1 it would quantise the image itself.
        y = y.float()
        if self.final_relu:
            y = torch.relu(y)
        if self.output == "sigmoid":
            return torch.sigmoid(y)
        if self.output == "tanh":
            return (torch.tanh(y) + 1) / 2
        return y

    def extra_repr(self) -> str:
        """Shown by print(module)."""
        return f"{self.output}, final_relu={self.final_relu}"
