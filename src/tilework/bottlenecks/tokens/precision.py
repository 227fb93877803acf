"""A bottleneck computes in float32, whatever autocast says: half-precision distances and statistics overflow."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def float32(h: Tensor) -> AbstractContextManager[object]:
    """A context in which operations on `h`'s device keep float32; costs nothing where autocast is off."""
    device = h.device.type
    return torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else nullcontext()
