"""How the gradient passes the quantiser: straight through, or turned and scaled with the code (rotation trick).

Both return the quantised value exactly; they differ in the backward pass alone.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

# Below this norm (or this |u + v|) the rotation is undefined to float32, and the straight-through gradient stands in.
_SMALL = 1e-6


class _StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, q: Tensor) -> Tensor:
        # A copy: a view made here could not be changed in place by the decoder's first layer.
        return q.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None]:
        return grads[0], None


def straight_through(x: Tensor, q: Tensor) -> Tensor:
    """q in value; its gradient is handed to x unchanged. (N, D) both. arXiv 1711.00937, section 3.2."""
    return cast(Tensor, _StraightThrough.apply(x, q))


class _Rotation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, q: Tensor) -> Tensor:
        ctx.save_for_backward(x, q)
        return q.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None]:
        x, q = ctx.saved_tensors
        g = grads[0]
        x_norm, q_norm = x.norm(dim=-1, keepdim=True), q.norm(dim=-1, keepdim=True)
        u, v = x / x_norm.clamp_min(_SMALL), q / q_norm.clamp_min(_SMALL)
        w = u + v
        w_norm = w.norm(dim=-1, keepdim=True)
        w = w / w_norm.clamp_min(_SMALL)
        # The output is (|q|/|x|) (x - 2 w (w.x) + 2 v (u.x)) with everything but x held constant; this is its transpose.
        turned = g - 2 * w * (w * g).sum(-1, keepdim=True) + 2 * u * (v * g).sum(-1, keepdim=True)
        singular = (x_norm <= _SMALL) | (q_norm <= _SMALL) | (w_norm <= _SMALL)
        return torch.where(singular, g, q_norm / x_norm.clamp_min(_SMALL) * turned), None


def rotation(x: Tensor, q: Tensor) -> Tensor:
    """q in value; its gradient is turned by the rotation that takes x to q and scaled by |q|/|x|. (N, D) both.

    arXiv 2410.06424, section 4.2. Differs where that is singular (x or q at 0, x opposite to q): straight through there.
    """
    return cast(Tensor, _Rotation.apply(x, q))
