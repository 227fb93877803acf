"""Many processes, one codebook: what little of torch.distributed the codebook needs."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor


def world() -> tuple[int, int]:
    """(number of processes, this one's rank); (1, 0) where no process group exists."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_world_size(), dist.get_rank()
    return 1, 0


@torch.no_grad()
def sum_over_ranks(tensors: list[Tensor]) -> list[Tensor]:
    """The sum of each tensor over all processes, by one collective. Every process must call it."""
    packed = torch.cat([t.reshape(-1).float() for t in tensors])
    dist.all_reduce(packed)
    parts = torch.split(packed, [t.numel() for t in tensors])
    return [part.view(t.shape) for part, t in zip(parts, tensors, strict=True)]


@torch.no_grad()
def copy_from_rank_zero(tensors: Iterable[Tensor]) -> None:
    """Overwrite each tensor by that of process 0. Every process must call it."""
    if world()[0] > 1:
        for tensor in tensors:
            whole = tensor.detach().to(torch.uint8) if tensor.dtype == torch.bool else tensor.detach().contiguous()
            dist.broadcast(whole, 0)
            tensor.copy_(whole)
