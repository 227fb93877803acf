"""How much of a batch a trial takes, so that a check of any model ends soon."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Protocol

from tilework.engine.session import Session

FEW = 4
"""Items of a batch whose step is timed first."""
STEP_SECONDS = 0.12
"""A step of a trial takes about so long: fewer items of a batch where all would take longer."""
TRIAL_SECONDS, MOST_STEPS, FEWEST_STEPS = 0.8, 20, 5
"""Of the steps that a trial takes one after another."""


class Trained(Protocol):
    """A copy of a model that is trained on trial."""

    def step(self, batch: Any, lr: float) -> float:
        """One optimiser step; the loss before it."""
        ...


class Trials(Protocol):
    """Where trials are made, and what they are given."""

    session: Session

    @property
    def batches(self) -> Sequence[Any]:
        """Whole batches."""
        ...

    @property
    def batch_items(self) -> int:
        """Items of a whole batch."""
        ...

    @property
    def lr(self) -> float:
        """The learning rate of the run."""
        ...

    def trial(self) -> Trained:
        """A new copy."""
        ...


class Pace:
    """Times a step with a few items, and finds from that how many are affordable."""

    def __init__(self, bench: Trials) -> None:
        self.bench = bench

    @cached_property
    def few(self) -> Any:
        """So few items of a batch that a step of any model is affordable."""
        return self._fewer(0, FEW)

    @cached_property
    def items(self) -> int:
        """How many items of a batch a step of a trial takes; all, where that takes little longer than `STEP_SECONDS`."""
        trial, whole, affordable, tried = (
            self.bench.trial(),
            self.bench.batch_items,
            0,
            min(FEW, self.bench.batch_items),
        )
        while tried > affordable:
            timed(trial, self._fewer(0, tried), self.bench.lr)  # the first one warms up
            seconds = timed(trial, self._fewer(0, tried), self.bench.lr)
            if seconds > (2 if tried == whole else 1) * STEP_SECONDS:
                break
            # A small batch costs little more than a smaller one, so that proportion is the least that is affordable.
            affordable, tried = tried, min(whole, max(2 * tried, int(tried * STEP_SECONDS / max(seconds, 1e-9))))
        # Where that is none at all, a step with half of the few items is long enough.
        return affordable or min(FEW // 2, whole)

    @property
    def whole(self) -> bool:
        """Whether trials take whole batches."""
        return self.items >= self.bench.batch_items

    def some(self, number: int = 0) -> Any:
        """What a trial takes of a batch."""
        return self._fewer(number, None if self.whole else self.items)

    @cached_property
    def step_seconds(self) -> float:
        """How long a step of a trial takes."""
        trial = self.bench.trial()
        timed(trial, self.some(), self.bench.lr)
        return min(timed(trial, self.some(), self.bench.lr) for _ in range(2))

    @property
    def whole_seconds(self) -> float:
        """How long a step of a whole batch takes at most."""
        return self.step_seconds * max(1.0, self.bench.batch_items / self.items)

    @property
    def steps(self) -> int:
        """How many steps a trial takes one after another."""
        return max(FEWEST_STEPS, min(MOST_STEPS, int(TRIAL_SECONDS / self.step_seconds)))

    def _fewer(self, number: int, items: int | None) -> Any:
        batch = self.bench.batches[number % len(self.bench.batches)]
        return batch if items is None else self.bench.session.parts.task.fewer(batch, items)


def timed(trial: Trained, batch: Any, lr: float) -> float:
    """Seconds of one step."""
    began = time.perf_counter()
    trial.step(batch, lr)
    return time.perf_counter() - began
