"""Multi-head attention; which token sees which is the business of the `Mix` that it is given."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tilework.priors.blocks.rotary import Turn

_LONG = 512
"""Tokens from which on a CPU's attention trains as quickly in bf16 as in float32."""

Mix = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Queries, keys, values (B, heads, N, head_dim) -> for each query the mean of the values that it attends to."""


def everything(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Every token sees every token."""
    return F.scaled_dot_product_attention(q, k, v)


def everything_before(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """A token sees itself and those before it."""
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


class Attention(nn.Module):
    """(B, N, C) -> the same shape. One product makes queries, keys and values.

    Attention weights have no dropout: with it, torch has no fused kernel on the CPU.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, mix: Mix, turn: Turn | None = None, only: Tensor | None = None) -> Tensor:
        """With `only` (B, n), places of tokens: what those alone find, (B, n, C)."""
        if only is None:
            q, k, v = self._heads(_quick_to_train(self.qkv(x)), 3)
        else:
            width, weight, bias = x.shape[-1], self.qkv.weight, self.qkv.bias
            (q,) = self._heads(F.linear(at(x, only), weight[:width], bias[:width]), 1)
            k, v = self._heads(F.linear(x, weight[width:], bias[width:]), 2)
        if turn is not None:
            q, k = (turn if only is None else turn.of(only))(q), turn(k)
        with torch.autocast(x.device.type, enabled=False):
            mixed = mix(q, k, v)
        found: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return found

    def _heads(self, x: Tensor, parts: int) -> Tensor:
        """(B, n, parts x C) -> (parts, B, heads, n, head_dim)."""
        return x.view(*x.shape[:-1], parts, self.heads, -1).permute(2, 0, 3, 1, 4)


def at(x: Tensor, places: Tensor) -> Tensor:
    """(B, N, C) and places (B, n) -> (B, n, C)."""
    return x.gather(1, places[..., None].expand(-1, -1, x.shape[-1]))


def _quick_to_train(qkv: Tensor) -> Tensor:
    """In float32 where a CPU will compute gradients of a short sequence: torch's backward kernel is up to 5 times slower in bf16
    (torch 2.15, two cores; forward and backward of 64 tokens 11 ms against 45, 256: 28 / 35, 512: 46 / 44, 1,024: 65 / 51)."""
    short = qkv.shape[-2] < _LONG and qkv.device.type == "cpu"
    return qkv.float() if short and qkv.requires_grad else qkv
