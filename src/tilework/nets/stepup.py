"""The stride-2 transposed convolution of a decoder, with the same weights and results as torch's, and faster on a CPU."""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

# Channels up to which the four phases fit one vector of a convolution kernel's output.
_FEW = 4


class StepUp(nn.ConvTranspose2d):
    """ConvTranspose2d with kernel 3 or 4, stride 2, padding 1: (B, C, H, W) -> (B, D, 2H, 2W) (one less for odd sides).

    Two things differ from torch's, neither of them in value beyond rounding. The gradient of the bias is a plain sum: oneDNN
    computes it together with that of the weights, which makes both 1.5 to 3 times slower. And where there are few output
    channels (the image), one convolution computes the four phases (even and odd rows and columns) as channels and a pixel
    shuffle (arXiv 1609.05158) puts them in place, because a kernel made for 16 channels would waste most of its work four times.
    """

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(B, C, H, W) -> (B, D, 2H, 2W)."""
        if x.device.type != "cpu" or self.bias is None:
            return super().forward(x, output_size)
        weight, bias = self.weight, self.bias
        if torch.is_autocast_enabled("cpu"):
            low = torch.get_autocast_dtype("cpu")
            x, weight, bias = x.to(low), weight.to(low), bias.to(low)
        padding = cast(tuple[int, int], self.output_padding)
        if not torch.is_grad_enabled() or torch.compiler.is_exporting():
            return _forward(x, weight, bias, padding)
        return cast(Tensor, _StepUp.apply(x, weight, bias, padding))


def _forward(x: Tensor, weight: Tensor, bias: Tensor, output_padding: tuple[int, int]) -> Tensor:
    doubles = all(p == 4 - weight.shape[-1] for p in output_padding)
    if doubles and weight.shape[1] <= _FEW:
        return _by_phases(x, weight, bias)
    return F.conv_transpose2d(x, weight, bias, 2, 1, output_padding)


class _StepUp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, output_padding: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.output_padding = output_padding
        return _forward(x, weight, bias, output_padding)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, Tensor | None, Tensor, None]:
        x, weight = ctx.saved_tensors
        wanted = [ctx.needs_input_grad[0], ctx.needs_input_grad[1], False]
        to_x, to_weight, _ = torch.ops.aten.convolution_backward(
            grads[0], x, weight, None, [2, 2], [1, 1], [1, 1], True, list(ctx.output_padding), 1, wanted
        )
        return to_x, to_weight, grads[0].sum((0, 2, 3)), None


# Which taps of the kernel reach an even and an odd row of the output, by distance of the input row; -1 where none does.
_TAPS = {3: ((1, -1), (2, 0)), 4: ((3, 1, -1), (-1, 2, 0))}


def _by_phases(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    kernel = weight.shape[-1]
    taps = torch.tensor(_TAPS[kernel])
    padded = F.pad(weight, (0, 1, 0, 1))  # index -1 finds zeros
    # (C, D, 2, k, 2, k) -> (D x 2 x 2, C, k, k), the order that pixel_shuffle expects.
    phases = padded[:, :, taps][..., taps].permute(1, 2, 4, 0, 3, 5).flatten(0, 2)
    phases = phases.contiguous(memory_format=torch.channels_last)
    y = F.conv2d(x, phases, bias.repeat_interleave(4), padding=1)
    # Two taps with padding on both sides give one row and column too many at the front; cutting is cheaper than padding x.
    return F.pixel_shuffle(y if kernel == 4 else y[:, :, 1:, 1:], 2)
