"""Where and in which arithmetic a run computes, and with which other processes. Nothing else in tilework asks Accelerate."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn

from tilework.engine.device import choose_device, choose_precision
from tilework.engine.memory import keep_freed_memory
from tilework.engine.ranks import leave_group_at_exit
from tilework.spec import EngineSettings


class Compute:
    """One process of a run: its device, its precision, its place among the others (`accelerate launch`, `torchrun`).

    Collective methods must be called by every process of the run, in the same order.
    """

    def __init__(self, settings: EngineSettings) -> None:
        # Two seconds, which whoever only explores a model need not wait for.
        from accelerate import Accelerator, DistributedDataParallelKwargs
        from accelerate.state import AcceleratorState

        # Also where nothing is asked for: torch then no longer lets MKL choose, at every call anew, to use fewer.
        torch.set_num_threads(settings.threads or torch.get_num_threads())
        device = choose_device(settings.device, "engine.device={}")
        if device == "cpu":
            keep_freed_memory()
        precision = choose_precision(settings.precision, device)
        # The state is a process-wide singleton: without a reset a second run in this process keeps the first one's precision.
        AcceleratorState._reset_state(reset_partial_state=False)
        leave_group_at_exit()
        self._accelerator = Accelerator(
            mixed_precision="no" if precision == "float32" else precision,
            cpu=device == "cpu",
            # Codebooks and statistics are kept equal by the bottleneck itself; broadcasting buffers would cost a step's time.
            kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)],
        )

    # Facts -----------------------------------------------------------------------------------------------------------

    @property
    def device(self) -> torch.device:
        """Where this process computes."""
        return cast(torch.device, self._accelerator.device)

    @property
    def precision(self) -> str:
        """`float32`, `bf16` or `fp16`: the arithmetic of the networks."""
        mixed = self._accelerator.mixed_precision
        return "float32" if mixed == "no" else str(mixed)

    @property
    def rank(self) -> int:
        """Number of this process, from 0."""
        return int(self._accelerator.process_index)

    @property
    def world(self) -> int:
        """How many processes train together."""
        return int(self._accelerator.num_processes)

    @property
    def main(self) -> bool:
        """Whether this process is the one that writes the run down."""
        return bool(self._accelerator.is_main_process)

    @property
    def alone(self) -> bool:
        """Whether there is one process only."""
        return self.world == 1

    # A step ----------------------------------------------------------------------------------------------------------

    def wrap(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[nn.Module, torch.optim.Optimizer]:
        """The model as it is called in training (mixed precision, gradients averaged over processes), and its optimiser."""
        wrapped, accelerated = self._accelerator.prepare(model, optimizer)
        return wrapped, accelerated

    def autocast(self) -> AbstractContextManager[None]:
        """Within this block networks compute in the run's precision."""
        return cast(AbstractContextManager[None], self._accelerator.autocast())

    def backward(self, loss: Tensor) -> None:
        """Gradients of a loss; scaled under fp16. Those of a loss that is not finite are NaN, also where they would be finite:
        averaged over the processes they show it to every one of them."""
        seed = 1 + 0 * loss.detach()
        if self.scaler is None:
            torch.autograd.backward(loss, seed)  # What Accelerate does, without its bookkeeping.
        else:
            self._accelerator.backward(loss, gradient=seed)

    def unscale(self, optimizer: torch.optim.Optimizer) -> None:
        """Bring the gradients of fp16 back to their own size."""
        self._accelerator.unscale_gradients(optimizer)

    def no_sync(self, model: nn.Module) -> AbstractContextManager[None]:
        """Within this block gradients stay with their process: more micro-batches of the step follow."""
        return nullcontext() if self.alone else cast(AbstractContextManager[None], self._accelerator.no_sync(model))

    @property
    def scaler(self) -> Any:
        """The loss scaler of fp16; None elsewhere."""
        return self._accelerator.scaler

    # The other processes ---------------------------------------------------------------------------------------------

    def first_on_this_machine(self) -> AbstractContextManager[None]:
        """Within this block the machine's first process goes ahead and the others wait: files are made once."""
        return cast(AbstractContextManager[None], self._accelerator.local_main_process_first())

    def gathered(self, own: Any) -> list[Any]:
        """Every process's `own`, in order of rank, on every process. Collective."""
        if self.alone:
            return [own]
        everything: list[Any] = [None] * self.world
        dist.all_gather_object(everything, own)
        return everything

    def shared(self, value: Any) -> Any:
        """The main process's `value`, on every process. Collective."""
        if self.alone:
            return value
        from accelerate.utils import broadcast_object_list

        box = [value]
        broadcast_object_list(box, from_process=0)
        return box[0]

    @torch.no_grad()
    def copy_from_main(self, tensors: list[Tensor]) -> None:
        """Overwrite tensors with the main process's, so that rounding cannot part the processes. Collective."""
        if self.alone:
            return
        from accelerate.utils import broadcast

        for tensor in tensors:
            tensor.copy_(broadcast(tensor.detach().clone()))
