"""What checks work with: copies of a run's model and task, a few of its batches, and so much time."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from tilework.engine.preflight.alone import Alone
from tilework.engine.preflight.counted import on_threads
from tilework.engine.preflight.pace import FEW, Pace
from tilework.engine.session import Session
from tilework.engine.step import Stepper, make_optimizer
from tilework.engine.tasks.contract import Task
from tilework.spec import RunSpec

SEED = 20_231
"""Of all that is drawn while a spec is tried out: the same noise in every trial, so that trials can be compared."""
BATCHES = 4
"""Batches that trials with changing batches go round."""
START_SECONDS = 0.4
"""A first pass, which places codes among the items that it sees, takes about so long."""


class Trial:
    """A copy of the run's model with an optimiser of its own."""

    def __init__(self, bench: Bench, task: Task, weights: Mapping[str, float]) -> None:
        self.task = task
        optimizer = make_optimizer(bench.spec.optimizer, task.model, bench.compute.device)
        clip = bench.spec.optimizer.clip_norm
        self.stepper = Stepper(bench.compute, task.model, task, bench.compute.scaling(optimizer), clip)
        self._weights = weights
        self.parts: list[dict[str, float]] = []
        """At each step: every loss term times its weight."""
        self.gradient = math.nan
        """The norm of the whole gradient at the first step."""

    def step(self, batch: Any, lr: float) -> float:
        """One optimiser step, with the same noise as every other; returns the loss before it."""
        torch.manual_seed(SEED)
        found = self.stepper.step([batch], self._weights, lr).values
        if math.isnan(self.gradient):
            self.gradient = float(found["grad_norm"])
        self.parts.append(
            {name: weight * float(found[name]) for name, weight in self._weights.items() if name in found}
        )
        return float(found["loss"])


class Bench:
    """Made for one session at step 0, whose model, random state and optimiser stay as they are."""

    def __init__(self, session: Session, runs: Path, seconds: float) -> None:
        self.session, self.runs = session, runs
        self.compute = Alone(session.parts.compute)
        self.pace = Pace(self)
        self.threads = torch.get_num_threads()
        """CPU threads of the run."""
        self.one_thread = False
        """Whether trials compute on one thread, because that is faster at this moment."""
        self.trained: Trial | None = None
        """The trial that learnt one batch, for whoever needs a model that has moved."""
        self.lower_lr: float | None = None
        """The learning rate that a check has proposed already because the run's own is too high: one fault has one fix."""
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left."""
        return self._end - time.monotonic()

    # What the run would use ------------------------------------------------------------------------------------------

    @property
    def spec(self) -> RunSpec:
        """The spec of the run."""
        return self.session.parts.spec

    @property
    def weights(self) -> dict[str, float]:
        """The weight of every loss term at the first step; at its largest where none has one then."""
        first = self.session.steering.weights()
        return first if any(first.values()) else self.largest_weights

    @property
    def largest_weights(self) -> dict[str, float]:
        """The largest weight that every loss term will ever have."""
        return {name: schedule.bounds[1] for name, schedule in self.session.parts.task.weights().items()}

    @property
    def lr(self) -> float:
        """The largest learning rate of the run."""
        return float(self.spec.optimizer.lr.bounds[1])

    @property
    def batch_items(self) -> int:
        """Items of a whole batch of this process."""
        return max(1, self.spec.engine.batch_size // self.session.parts.compute.world)

    @cached_property
    def batches(self) -> list[Any]:
        """The first batches of the first epoch, as this process gets them."""
        return list(islice(self.session.parts.data.train.epoch(0), BATCHES))

    @contextmanager
    def as_the_run(self) -> Iterator[None]:
        """Within this block as many threads compute as in the run."""
        with on_threads(self.threads):
            yield

    # Trials ----------------------------------------------------------------------------------------------------------

    @cached_property
    def base(self) -> Task:
        """A copy of the run's task with its initial weights, whose codes were placed by some items. Not to be trained."""
        task, seconds = self._started(self.pace.few)
        more = min(self.batch_items, int(FEW * START_SECONDS / seconds))
        return self._started(self.session.parts.task.fewer(self.batches[0], more))[0] if more >= 2 * FEW else task

    def _started(self, items: Any) -> tuple[Task, float]:
        """A copy that has seen these items once, and how long that took."""
        began, task = time.monotonic(), self.session.parts.task.trial_copy(self.compute)
        task.model.train()
        torch.manual_seed(SEED)
        with torch.no_grad():
            found = task.losses(task.model, items, self.weights)
        task.after_step([found.kept])
        return task, time.monotonic() - began

    def trial(self, weights: Mapping[str, float] | None = None) -> Trial:
        """A new copy, to be trained; by other loss weights where they are given."""
        return Trial(self, self.base.trial_copy(self.compute), self.weights if weights is None else weights)

    def losses(
        self, lr: float, steps: int, batches: Sequence[Any], weights: Mapping[str, float] | None = None
    ) -> tuple[list[float], Trial]:
        """The loss before each of so many steps of a new trial, batch after batch round and round. The learning rate rises to
        `lr` where that of the run has a warm-up."""
        trial, warm = self.trial(weights), self.spec.optimizer.lr.warmup.amount > 0
        found = []
        for number in range(steps):
            rise = (number + 1) / steps if warm else 1.0
            found.append(trial.step(batches[number % len(batches)], lr * rise))
        return found, trial

    def more(self, trial: Trial, lr: float, steps: int, batches: Sequence[Any]) -> list[float]:
        """The loss before each of so many further steps of a trial, which has come to a whole round of the batches."""
        return [trial.step(batches[number % len(batches)], lr) for number in range(steps)]
