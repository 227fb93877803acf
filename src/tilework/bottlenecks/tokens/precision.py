"""A bottleneck computes in float32, whatever autocast and matmul precision say: cheaper distances pick wrong codes, and
half-precision statistics overflow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor


def float32(h: Tensor) -> AbstractContextManager[None]:
    """A context in which operations on `h`'s device are true float32; costs nothing where that is so already."""
    plain = torch.get_float32_matmul_precision() == "highest"
    return nullcontext() if plain and not torch.is_autocast_enabled(h.device.type) else _strict(h.device.type)


@contextmanager
def _strict(device: str) -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.autocast(device, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
