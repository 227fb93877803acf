"""The known tokens around a token: what it may be a copy of."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

UNKNOWN = -1
_AROUND = tuple((row, column) for row in (-1, 0, 1) for column in (-1, 0, 1) if row or column)


def offsets(frames: int) -> tuple[tuple[int, int, int], ...]:
    """Frames, rows and columns to each of the J tokens around: the 8 of its own frame; of clips also the 9 of the frame before
    and of the frame after, and its own place two frames away."""
    own = tuple((0, row, column) for row, column in _AROUND)
    if frames == 1:
        return own
    beside = tuple((frame, row, column) for frame in (-1, 1) for row, column in ((0, 0), *_AROUND))
    return own + beside + ((-2, 0, 0), (2, 0, 0))


def nearby(codes: Tensor, hidden: Tensor, offsets: tuple[tuple[int, int, int], ...], circular: bool) -> Tensor:
    """Codes (B, t, h, w, Q) and which are hidden -> (B, t, h, w, Q, J): the code at each offset, `UNKNOWN` where it is hidden or
    beyond the edge. `circular`: the last of the t frames is beside the first."""
    known = torch.where(hidden, UNKNOWN, codes)
    frames, height, width = known.shape[1:4]
    every = torch.arange(frames, device=codes.device)
    found = []
    for frame, row, column in offsets:
        at = every + frame
        shifted = known[:, at % frames]
        if not circular:
            shifted = shifted.masked_fill(((at < 0) | (at >= frames))[:, None, None, None], UNKNOWN)
        if row or column:
            edge = F.pad(shifted, (0, 0, 1, 1, 1, 1), value=UNKNOWN)
            shifted = edge[:, :, 1 + row : 1 + row + height, 1 + column : 1 + column + width]
        found.append(shifted)
    return torch.stack(found, -1)
