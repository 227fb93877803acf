"""Steps and epochs of a run side by side, also where a step was not always the same share of an epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Clock:
    """How many epochs have passed at which step.

    Between two `marks` (step, epochs), which start at an implied (0, 0), the epochs rise in a straight line; behind the
    last by one in every `steps_per_epoch` steps. A run whose batch size never changed has no marks. `ends` is the step at
    which the run does, infinity where that is not known.
    """

    steps_per_epoch: int
    marks: tuple[tuple[int, float], ...] = ()
    ends: float = math.inf

    def epochs(self, step: float) -> float:
        """Passes over the training split at `step`."""
        for (step_0, epochs_0), (step_1, epochs_1) in pairwise(((0, 0.0), *self.marks)):
            if step < step_1:
                return epochs_0 + (epochs_1 - epochs_0) * (step - step_0) / (step_1 - step_0)
        last, epochs = self.marks[-1] if self.marks else (0, 0.0)
        return epochs + (step - last) / self.steps_per_epoch

    def step(self, epochs: float) -> float:
        """The step at which so many epochs have passed; the inverse of `epochs`."""
        for (step_0, epochs_0), (step_1, epochs_1) in pairwise(((0, 0.0), *self.marks)):
            if epochs < epochs_1:
                return step_0 + (step_1 - step_0) * (epochs - epochs_0) / (epochs_1 - epochs_0)
        last, passed = self.marks[-1] if self.marks else (0, 0.0)
        return last + (epochs - passed) * self.steps_per_epoch

    def passed(self, step: float, since: float, unit: str) -> float:
        """What has passed from step `since` to `step`, in steps of today's length: of the `unit` `epochs`, an epoch counts
        `steps_per_epoch`, however many steps it had."""
        if unit == "steps" or not self.marks:
            return step - since
        return (self.epochs(step) - self.epochs(since)) * self.steps_per_epoch

    def changed(self, step: int, epochs: float, steps_per_epoch: int, rest: int, ends: int) -> Clock:
        """The clock of a run that has come to `step` and `epochs` and takes steps of another length from there: `rest` of them
        until `ends` epochs have passed."""
        kept = tuple(mark for mark in self.marks if mark[0] <= step and mark[1] <= epochs)
        here = ((step, epochs),) if step or epochs else ()
        ahead = ((step + rest, float(ends)),) if ends > epochs else ()
        return Clock(steps_per_epoch, tuple(dict.fromkeys((*kept, *here, *ahead))))
