"""A bottleneck computes in float32, whatever autocast and matmul precision are set to: cheaper distances pick wrong
codes, and half-precision statistics overflow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor


def float32(h: Tensor) -> AbstractContextManager[None]:
    """A context in which operations on `h`'s device are true float32; costs nothing where that is so already."""
    plain = _global() == "highest"
    return nullcontext() if plain and not torch.is_autocast_enabled(h.device.type) else _strict(h.device.type)


def _global() -> str | None:
    """The precision of float32 products; None where it was set for each library by itself, which torch's old question refuses."""
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:
        return None


@contextmanager
def _strict(device: str) -> Iterator[None]:
    before = _global()
    own: list[Any] = []
    if before is None:
        own = [torch.backends.cuda.matmul, torch.backends.mkldnn.matmul]  # type: ignore[attr-defined]
    kept = [library.fp32_precision for library in own]
    if before is not None:
        torch.set_float32_matmul_precision("highest")
    for library in own:
        library.fp32_precision = "ieee"
    try:
        with torch.autocast(device, enabled=False):
            yield
    finally:
        if before is not None:
            torch.set_float32_matmul_precision(before)
        for library, precision in zip(own, kept, strict=True):
            library.fp32_precision = precision
