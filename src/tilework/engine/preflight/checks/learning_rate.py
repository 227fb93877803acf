"""Whether the learning rate fits the batch size."""

from __future__ import annotations

import math

from tilework.engine.preflight import contract
from tilework.engine.preflight.bench import Bench
from tilework.engine.preflight.changes import lr_change
from tilework.engine.preflight.pace import FEWEST_STEPS
from tilework.runs.preflight import Result, Why

SECONDS, EACH_SECONDS, MOST_STEPS = 6.0, 0.4, 8
"""So long may all trials take, and about so long does each."""
PART, SMALLER, MULTIPLE = 1 / 4, 1 / 16, 4.0
"""Of the learning rate, what is tried beside it: the smaller part where the first one may be better than the whole, and the
multiple where the run would get nowhere."""
TRIALS = 5
"""So many at most, most of the time three."""
CLEARLY = 1.25
"""With a part of the learning rate, the loss falls by so many times as much: it is too high."""
MARKED = 0.1
"""Falls of the loss that differ by less than this share of it show nothing of a learning rate that is too high: codes that were
just placed are left and found again in the first steps, and shorter steps leave them less."""
NOISE, MOST = 1e-6, 4.0**7
"""Share of the loss below which it may have changed by rounding alone: a multiple that does no more is made 16 times as large,
up to the other one."""
LEAST_FALL = 0.1
"""A whole run that goes on as it began lowers the loss by less than this share of it: the learning rate is too low."""
LONG = 100
"""Steps below which a run is an attempt, and nothing is reported of how far it gets."""


class Check(contract.Check):
    """The run's first batches, each of its whole size, train copies of the model with the same noise: with the run's learning
    rate and with a fourth of it, and where they make one ask, with a sixteenth of it or with four times it. What the loss falls
    by is measured from a copy that took the same steps with a learning rate of 0. A smaller batch makes noisier steps, and then
    shorter ones get further; so batch size and learning rate are judged together, by what they do.

    Too high: with a part of it the loss falls 1.25 times as far or more, and by a tenth of itself further. Too low: at the
    pace of these steps all steps of the run would lower the loss by less than a tenth, and four times the learning rate is at
    least twice as fast; where four times it does nothing that could be distinguished from rounding, 64 times it, and so on.
    Either is a warning only: some steps show little of a whole run.
    """

    order = 90
    seconds = 2.0

    def run(self, bench: Bench) -> Result:
        step, lr = bench.pace.whole_seconds, bench.lr
        if bench.lower_lr is not None:
            self.not_checked(Why.FOUND_BEFORE, lower_lr=bench.lower_lr)
        if TRIALS * FEWEST_STEPS * step > min(SECONDS, bench.left()):
            self.not_checked(Why.NO_TIME, step_seconds=step, batch=bench.batch_items)
        steps = max(FEWEST_STEPS, min(MOST_STEPS, int(EACH_SECONDS / step)))
        still = _end(bench, 0.0, steps)
        fallen = {factor: still - _end(bench, lr * factor, steps) for factor in (1.0, PART)}
        if not fallen[1.0] > max(0.0, fallen[PART]):
            fallen[SMALLER] = still - _end(bench, lr * SMALLER, steps)
        best = max((SMALLER, PART), key=lambda factor: _or_least(fallen.get(factor, math.nan)))
        values = {
            "lr": lr,
            "batch": bench.batch_items * bench.session.parts.compute.world,
            "steps": steps,
            "total_steps": bench.session.parts.budget.total_steps,
            "before": still,
            "fall": fallen[1.0],
            "lower_lr": lr * best,
            "fall_lower": fallen[best],
        }
        if not fallen[best] - fallen[1.0] < MARKED * still and not fallen[1.0] * CLEARLY > fallen[best]:
            return self.warning("too-high", values, changes=lr_change(bench.spec, lr * best))
        if not _gets_nowhere(values):
            return self.passed(values)
        higher, further = MULTIPLE, still - _end(bench, lr * MULTIPLE, steps)
        while abs(further) < NOISE * still and higher < MOST and steps * step < bench.left():
            higher *= 16
            further = still - _end(bench, lr * higher, steps)
        values |= {"higher_lr": lr * higher, "fall_higher": further}
        if further > 2 * (fallen[1.0] if fallen[1.0] > NOISE * still else 0.0):
            return self.warning("too-low", values, changes=lr_change(bench.spec, lr * higher))
        return self.passed(values)


def _end(bench: Bench, lr: float, steps: int) -> float:
    """The loss after so many steps: the mean over the last round of batches."""
    losses, _ = bench.losses(lr, steps, bench.batches)
    last = min(len(bench.batches), steps)
    return sum(losses[-last:]) / last


def _gets_nowhere(found: dict[str, float]) -> bool:
    if found["total_steps"] < LONG or not math.isfinite(found["fall"]) or not found["before"] > 0:
        return False
    return found["fall"] / found["before"] / found["steps"] * found["total_steps"] < LEAST_FALL


def _or_least(fall: float) -> float:
    return -math.inf if math.isnan(fall) else fall
