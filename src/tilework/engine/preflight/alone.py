"""One process that tries something out on its own, while the other processes of its run wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from tilework.engine.compute import Compute


class Alone(Compute):
    """The device and the precision of a run, without its other processes, and with a loss scaler of its own."""

    def __init__(self, run: Compute) -> None:
        self._accelerator = run._accelerator
        scaled = run.scaler is not None
        self._scaler = torch.amp.GradScaler(run.device.type) if scaled else None

    @property
    def rank(self) -> int:
        return 0

    @property
    def world(self) -> int:
        return 1

    @property
    def main(self) -> bool:
        return True

    @property
    def scaler(self) -> Any:
        return self._scaler

    def backward(self, loss: Tensor) -> None:
        torch.autograd.backward(loss if self._scaler is None else self._scaler.scale(loss))

    def unscale(self, optimizer: Any) -> None:
        if self._scaler is not None:
            self._scaler.unscale_(optimizer.optimizer)

    def no_sync(self, model: nn.Module) -> AbstractContextManager[None]:
        return nullcontext()

    def scaling(self, optimizer: torch.optim.Optimizer) -> Any:
        """The optimiser as a stepper wants it: under fp16 one whose step goes through the scaler."""
        return optimizer if self._scaler is None else _Scaling(optimizer, self._scaler)


class _Scaling:
    """As much of Accelerate's optimiser as a stepper uses."""

    def __init__(self, optimizer: torch.optim.Optimizer, scaler: Any) -> None:
        self.optimizer, self._scaler = optimizer, scaler

    def step(self) -> None:
        self._scaler.step(self.optimizer)
        self._scaler.update()

    def zero_grad(self) -> None:
        self.optimizer.zero_grad()


@contextmanager
def no_group() -> Iterator[None]:
    """Within this block there is no process group: nothing waits for the other processes of the run."""
    if not (dist.is_available() and dist.is_initialized()):
        yield
        return
    group = dist.group.WORLD
    dist.group.WORLD = None
    try:
        yield
    finally:
        dist.group.WORLD = group
