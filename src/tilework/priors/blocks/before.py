"""The tokens around a token that come before it in raster order: what a causal prior may copy."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from tilework.priors.blocks.nearby import UNKNOWN

_OWN_FRAME = ((0, 0, -1), (0, -1, -1), (0, -1, 0), (0, -1, 1))
_FRAME_BEFORE = tuple((-1, row, column) for row in (-1, 0, 1) for column in (-1, 0, 1))


def offsets_before(frames: int) -> tuple[tuple[int, int, int], ...]:
    """Frames, rows and columns to each of the J tokens: 4 of its own frame; of clips also the 9 around its place in the frame
    before, and its place two frames before."""
    return _OWN_FRAME if frames == 1 else (*_OWN_FRAME, *_FRAME_BEFORE, (-2, 0, 0))


@lru_cache(maxsize=8)
def places_before(frames: int, height: int, width: int, clips: bool) -> Tensor:
    """(P, J) int64: for each of the P = frames x height x width positions those at its offsets, `UNKNOWN` beyond an edge."""
    frame, row, column = (axis.flatten() for axis in torch.meshgrid(
        torch.arange(frames), torch.arange(height), torch.arange(width), indexing="ij"
    ))  # fmt: skip
    found = []
    for dt, dy, dx in offsets_before(2 if clips else 1):
        t, y, x = frame + dt, row + dy, column + dx
        inside = (t >= 0) & (y >= 0) & (y < height) & (x >= 0) & (x < width)
        found.append(torch.where(inside, (t * height + y) * width + x, UNKNOWN))
    return torch.stack(found, 1)


def before(codes: Tensor, places: Tensor) -> Tensor:
    """Codes (B, P, Q) and places (n, J) -> (B, n, Q, J): the codes there, `UNKNOWN` where there is no place."""
    there = codes[:, places.clamp(min=0)]
    return there.masked_fill((places == UNKNOWN)[None, :, :, None], UNKNOWN).transpose(2, 3)
