"""Multiply-adds of whatever is run, by torch's own formulas; nothing is really computed.

Products (convolutions, dense layers, attention) are counted and answered by zeros of the right shape, all else runs as it is.
So a large network takes hardly longer than a small one, and its shapes are those that it really gives. (torch's meta device, made
for this, would import torch's compiler first, which takes longer than all of it.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

_aten = torch.ops.aten


class Counted(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Within this block products that are added up are counted, and not computed."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = 0

    @property
    def multiply_adds(self) -> int:
        """Those so far: torch counts a product and its sum as two."""
        return self.flops // 2

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else torch imports its compiler, to keep it from this class

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, kind = kwargs or {}, func.overloadpacket
        output = _OUTPUTS.get(kind)
        out = func(*args, **kwargs) if output is None else output(*args, **kwargs)
        formula = flop_registry.get(kind)
        if formula is not None:
            self.flops += int(formula(*args, **kwargs, out_val=out))
        return out


def _convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Tensor:
    sides = []
    for axis, side in enumerate(x.shape[2:]):
        # One length for all axes may be written once.
        step, pad, apart, more = (given[axis % len(given)] for given in (stride, padding, dilation, output_padding))
        taps = apart * (weight.shape[2 + axis] - 1) + 1
        sides.append((side - 1) * step - 2 * pad + taps + more if transposed else (side + 2 * pad - taps) // step + 1)
    return x.new_zeros((x.shape[0], weight.shape[1] * groups if transposed else weight.shape[0], *sides))


def _product(a: Tensor, b: Tensor, **_: Any) -> Tensor:
    return a.new_zeros((*a.shape[:-1], b.shape[-1]))


def _sum_and_product(_: Tensor, a: Tensor, b: Tensor, **rest: Any) -> Tensor:
    return _product(a, b)


def _attention(q: Tensor, k: Tensor, v: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
    return q.new_zeros((*q.shape[:-1], v.shape[-1])), q.new_zeros(q.shape[:-1])


_OUTPUTS: dict[Any, Callable[..., Any]] = {
    _aten.convolution: _convolution,
    _aten.mm: _product,
    _aten.bmm: _product,
    _aten.addmm: _sum_and_product,
    _aten.baddbmm: _sum_and_product,
    _aten._scaled_dot_product_flash_attention_for_cpu: _attention,
}
