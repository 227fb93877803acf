"""Time as angles: queries and keys are turned by their frame's angle, so that attention sees how far apart two frames are.

Rotary embeddings (arXiv 2104.09864): a pair of channels is turned by w t, and the product of a query at t with a key at s depends
on w (t - s) alone. No frame has a vector of its own, and any number of frames will do.

Frames of a loop are a circle: pair j is turned by 2 pi m_j t / T with a whole number m_j, so that t and t + T are the same frame
and turning the loop changes nothing. There is no first frame, and no seam.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_FASTEST = 32
"""The highest harmonic of a loop: 180 frames are then 64 degrees apart in it, neighbours that stay distinct."""
_SLOWEST = 1000.0
"""Frames that the slowest wave of a clip needs for one radian."""


def frequencies(pairs: int, loop: bool) -> Tensor:
    """(pairs,) float64: harmonics (turns per loop) or radians per frame. The first quarter is 0: what does not ask for time."""
    still = pairs // 4
    moving = pairs - still
    share = torch.arange(moving, dtype=torch.float64, device="cpu") / max(1, moving - 1)
    moved = (_FASTEST**share).round() if loop else _SLOWEST ** (-share)
    return torch.cat([torch.zeros(still, dtype=torch.float64, device="cpu"), moved])


def angles(frames: int, head_dim: int, loop: bool) -> Tensor:
    """(T, head_dim / 2) float64: the angle of each pair of channels in each frame."""
    per_frame = 2 * math.pi / frames if loop else 1.0
    times = torch.arange(frames, dtype=torch.float64, device="cpu") * per_frame
    return times[:, None] * frequencies(head_dim // 2, loop)


class Turn:
    """Turns queries and keys (..., N, head_dim), token n by the angles of its frame."""

    def __init__(self, angle: Tensor, like: Tensor) -> None:
        """`angle` (N, head_dim / 2)."""
        both = torch.cat([angle, angle], dim=-1)
        self.cos, self.sin = both.cos().to(like), both.sin().to(like)

    def __call__(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, dim=-1)
        cos, sin = self.cos.to(x.dtype), self.sin.to(x.dtype)
        return x * cos + torch.cat([-second, first], dim=-1) * sin

    def at(self, start: int, stop: int) -> Turn:
        """The turns of tokens start to stop."""
        part = object.__new__(Turn)
        part.cos, part.sin = self.cos[start:stop], self.sin[start:stop]
        return part

    def of(self, places: Tensor) -> Turn:
        """The turns of other tokens in each item, `places` (B, n): of queries (B, heads, n, head_dim)."""
        part = object.__new__(Turn)
        part.cos, part.sin = self.cos[places][:, None], self.sin[places][:, None]
        return part
