"""Comparing two feature maps: one pass through memory for the value and the gradient together.

Written out in tensors the comparison is a dozen passes over maps that do not fit a CPU's cache, and costs more than the
network that made them. Here a block of positions is finished before the next is touched, and only the gradient is kept.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# Inside the square root: the gradient of a norm at an all-zero activation is then 0, not 0/0.
EPSILON = 1e-10
# Numbers of one map in a block: half a megabyte of float32 each for the two maps and two work areas.
_BLOCK = 1 << 17


def compare(a: Tensor, b: Tensor, weight: Tensor) -> Tensor:
    """Feature maps a, b (B, C, H, W) and weights (C,) -> (B,): mean over positions of w . (a/|a| - b/|b|)^2.

    |a| = sqrt(sum over channels of a^2 + 1e-10). Differentiable once, in a and b.
    """
    value: Tensor = _Compare.apply(a, b, weight)
    return value


class _Compare(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, weight: Tensor) -> Tensor:
        images, channels, height, width = a.shape
        # (B, C, H, W) -> (B x H x W, C); no copy where channels are last in memory.
        rows_a, rows_b = (t.permute(0, 2, 3, 1).reshape(-1, channels) for t in (a, b))
        each, grads = _by_blocks(rows_a, rows_b, weight, ctx.needs_input_grad[0], ctx.needs_input_grad[1])
        ctx.save_for_backward(*(g for g in grads if g is not None))
        ctx.shape = a.shape
        return each.view(images, height * width).mean(dim=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, incoming: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        images, channels, height, width = ctx.shape
        saved = iter(ctx.saved_tensors)
        found: list[Tensor | None] = []
        scale = (incoming / (height * width)).view(-1, 1, 1, 1)
        for needed in ctx.needs_input_grad[:2]:
            rows = next(saved).view(images, height, width, channels) if needed else None
            found.append(None if rows is None else (rows * scale).permute(0, 3, 1, 2))
        return found[0], found[1], None


def _by_blocks(
    a: Tensor, b: Tensor, weight: Tensor, for_a: bool, for_b: bool
) -> tuple[Tensor, tuple[Tensor | None, Tensor | None]]:
    """Rows (M, C) -> w . (a/|a| - b/|b|)^2 of each row (M,), and its gradient (M, C) in a and in b where wanted."""
    count, channels = a.shape
    each = a.new_empty(count)
    grad_a, grad_b = (torch.empty_like(a) if wanted else None for wanted in (for_a, for_b))
    step = max(1, _BLOCK // channels) if a.device.type == "cpu" else count
    for i in range(0, count, step):
        part = slice(i, i + step)
        unit_a, inverse_a = _unit(a[part])
        unit_b, inverse_b = _unit(b[part])
        difference = unit_b - unit_a
        weighted = difference * weight
        each[part] = torch.linalg.vecdot(difference, weighted)
        weighted *= 2
        for grad, unit, inverse, sign in ((grad_b, unit_b, inverse_b, 1), (grad_a, unit_a, inverse_a, -1)):
            if grad is not None:
                # The derivative of u = f / |f| is (1 - u u^T) / |f|.
                along = torch.linalg.vecdot(unit, weighted).unsqueeze(1)
                torch.addcmul(weighted, unit, along, value=-1, out=grad[part]).mul_(inverse * sign)
    return each, (grad_a, grad_b)


def _unit(rows: Tensor) -> tuple[Tensor, Tensor]:
    inverse = torch.rsqrt(torch.linalg.vecdot(rows, rows) + EPSILON).unsqueeze(1)
    return rows * inverse, inverse
