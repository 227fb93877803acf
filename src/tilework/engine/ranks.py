"""What several processes of one run settle between them. With one process each of these is a plain answer."""

from __future__ import annotations

import atexit
import functools

import torch
import torch.distributed as dist
from torch import Tensor, nn


@functools.cache
def leave_group_at_exit() -> None:
    """Leave the process group before Python ends: gloo's threads, still alive then, now and then abort the whole process."""

    def leave() -> None:
        if dist.is_available() and dist.is_initialized():
            dist.destroy_process_group()

    atexit.register(leave)


class Votes:
    """Decisions that every rank must take alike, through the CPU, so that no step waits for a GPU."""

    def __init__(self, world: int) -> None:
        self._group: dist.ProcessGroup | None = dist.new_group(backend="gloo") if world > 1 else None  # type: ignore[assignment]

    def any(self, *wishes: bool) -> list[bool]:
        """For each wish, whether any rank has it."""
        if self._group is None:
            return list(wishes)
        ballot = torch.tensor(wishes, dtype=torch.int32)
        dist.all_reduce(ballot, dist.ReduceOp.MAX, group=self._group)
        return [bool(b) for b in ballot]

    def mean(self, values: Tensor) -> Tensor:
        """The mean over all ranks of a tensor on the CPU."""
        if self._group is None:
            return values
        total = values.clone()
        dist.all_reduce(total, group=self._group)
        return total / dist.get_world_size(self._group)


@torch.no_grad()
def average_batch_statistics(model: nn.Module) -> None:
    """Give every rank the mean of all ranks' batch-norm statistics, so that all validate (and save) the same model."""
    for name, tensor in model.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            dist.all_reduce(tensor)
            tensor /= dist.get_world_size()


@torch.no_grad()
def largest_difference_between_ranks(model: nn.Module) -> float:
    """Largest absolute difference of any weight or codebook entry from the main process's; 0.0 unless ranks drifted apart.

    Batch statistics are each rank's own and are left out. Collective: every rank calls it.
    """
    largest = 0.0
    batch_statistics = ("running_mean", "running_var", "num_batches_tracked")
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and not name.endswith(batch_statistics):
            first = tensor.detach().clone()
            dist.broadcast(first, src=0)
            difference = (first - tensor).abs().max() if tensor.numel() else first.new_zeros(())
            dist.all_reduce(difference, dist.ReduceOp.MAX)
            largest = max(largest, float(difference))
    return largest
