"""Everything that a run needs, put together and checked before the first step. Parts never change; state does (`state.py`)."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from tilework.engine.averaging import WeightAverage
from tilework.engine.compute import Compute
from tilework.engine.guard.statistics import BatchStatistics
from tilework.engine.monitor import check_monitor
from tilework.engine.progress import Progress
from tilework.engine.step import Stepper, make_optimizer
from tilework.engine.tasks.contract import Data, Task
from tilework.engine.trackers import check_trackers
from tilework.spec import RunSpec
from tilework.spec.clock import Clock
from tilework.spec.tasks import task_class

_NO_LIMIT = 2**62


@dataclass(frozen=True)
class Budget:
    """How long a run is."""

    total_steps: int
    clock: Clock
    accumulate: int
    """Micro-batches that make one step."""

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps of one whole epoch."""
        return self.clock.steps_per_epoch

    @property
    def micro_batches_per_epoch(self) -> int:
        """Batches of one epoch."""
        return self.steps_per_epoch * self.accumulate

    @property
    def total_epochs(self) -> float:
        """The whole run in passes over the training split."""
        return self.clock.epochs(self.total_steps)

    @classmethod
    def of(cls, spec: RunSpec, clock: Clock) -> Budget:
        """What `engine.steps` and `engine.epochs` come to; whichever ends first."""
        engine = spec.engine
        by_epochs = round(clock.step(engine.epochs)) if engine.epochs else _NO_LIMIT
        total = min(engine.steps or _NO_LIMIT, by_epochs)
        return cls(total, replace(clock, ends=total), spec.optimizer.accumulate)


def steps_per_epoch(spec: RunSpec, batches_per_epoch: int) -> int:
    """Whole optimiser steps in an epoch, one at least."""
    return max(1, batches_per_epoch // spec.optimizer.accumulate)


@dataclass(frozen=True)
class Parts:
    """One run on one process."""

    spec: RunSpec
    compute: Compute
    task: Task
    data: Data
    model: nn.Module
    stepper: Stepper
    statistics: BatchStatistics
    average: WeightAverage | None
    budget: Budget

    def judged_weights(self) -> AbstractContextManager[None]:
        """Within this block the model has the weights that are judged and shown: the averaged ones where the run keeps them."""
        return self.average.in_place() if self.average is not None else nullcontext()


def assemble(spec: RunSpec, progress: Progress, runs: Path | None = None) -> Parts:
    """Everything of a run but its folder and its state; `runs` is the folder of runs. Raises UserError for what cannot train,
    before any step."""
    check_trackers(spec.trackers)
    kind = task_class(spec.task)
    for problem in kind.problems(spec):  # Reported before any data is read.
        raise problem
    compute = Compute(spec.engine)
    task: Task = kind(spec, compute)
    task.runs = runs
    check_monitor(spec.engine.monitor, task)
    data = task.data(progress)
    torch.manual_seed(spec.seed)  # The same initial weights on every process.
    model = task.build()
    model.to(compute.device).to(
        memory_format=torch.channels_last if spec.engine.channels_last else torch.contiguous_format
    )
    task.placed()
    average = WeightAverage(model, spec.engine.ema_decay) if spec.engine.ema_decay else None
    optimizer = make_optimizer(spec.optimizer, model, compute.device)
    if spec.engine.compile:
        task.compile()
    wrapped, accelerated = compute.wrap(model, optimizer)
    parts = Parts(
        spec,
        compute,
        task,
        data,
        model,
        Stepper(compute, wrapped, task, accelerated, spec.optimizer.clip_norm),
        BatchStatistics(model),
        average,
        Budget.of(spec, Clock(steps_per_epoch(spec, data.train.steps_per_epoch))),
    )
    # From here on each process draws its own noise.
    torch.manual_seed(spec.seed + 1_000_003 * (compute.rank + 1))
    return parts
