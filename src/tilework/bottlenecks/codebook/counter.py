"""Random numbers from a counter: a pure function of (seed, step, stream, position), computed where the tensors are.

No generator state to save but two integers, no host synchronisation, the same numbers on every process that has the
same seed and step.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

_MASK = 0xFFFFFFFF
_T = TypeVar("_T", int, Tensor)


def _mix(x: _T) -> _T:
    """A 32-bit integer hash with low bias (two rounds of xor-shift and multiply), of numbers or of int64 tensors (which
    may wrap)."""
    x = (x ^ (x >> 16)) * 0x7FEB352D & _MASK
    x = (x ^ (x >> 15)) * 0x846CA68B & _MASK
    return x ^ (x >> 16)


@dataclass(frozen=True)
class Counter:
    """Where a run of random numbers stands: its seed and the step."""

    seed: int
    step: int

    def key(self, stream: int) -> int:
        """A 32-bit number for one use (`stream`) at this step."""
        return _mix(_mix(_mix(self.seed & _MASK) ^ (stream * 0x9E3779B9 & _MASK)) ^ (self.step & _MASK))

    def bits(self, stream: int, count: int, device: torch.device) -> Tensor:
        """`count` hashed integers in [0, 2^32): (count,) int64."""
        return _mix(_places(count, device) ^ self.key(stream))

    def uniform(self, stream: int, count: int, device: torch.device) -> Tensor:
        """`count` float32 numbers in [0, 1), on a grid of 2^-24 so that 1 is never reached by rounding."""
        return (self.bits(stream, count, device) >> 8).float() * 2.0**-24


@functools.lru_cache(maxsize=16)
def _places(count: int, device: torch.device) -> Tensor:
    return _mix(torch.arange(count, device=device))


@functools.lru_cache(maxsize=32)
def _column_weights(columns: int, device: torch.device) -> Tensor:
    index = torch.arange(columns)
    high, low = _mix(_mix(index * 2 + 1)), _mix(_mix(index * 2 + 0x5BD1E995))
    return ((high << 32) | low | 1).to(device)


def row_keys(x: Tensor) -> Tensor:
    """One int64 per row of (..., D) float32: equal rows have equal keys, others differ but for a chance of about 2^-60."""
    # Adding 0 turns -0.0 into 0.0, which is the same point.
    integers = (x.detach() + 0.0).contiguous().view(torch.int32).long()
    mixed = (integers & _MASK) * 0x9E3779B97F4A7C1 ^ (integers << 29)
    return (mixed * _column_weights(x.shape[-1], x.device)).sum(-1)
