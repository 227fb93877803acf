"""Whether the model can learn one batch."""

from __future__ import annotations

import math
from typing import Any

from tilework.engine.preflight import contract
from tilework.engine.preflight.bench import Bench, Trial
from tilework.engine.preflight.changes import lr_change, weight_change
from tilework.runs.preflight import Result, Why

ROUNDING = 1e-5
"""A fall of the loss by less than this share of it is no fall."""
THROWN = 100.0
"""A model whose loss was so many times as large on the way has lost its initial weights, whatever it falls to afterwards."""
HILL, LONGER = 2.0, 3
"""A loss that rose to at most so many times its first value, and has come down since, gets so many times the steps more."""
LOWER = (1 / 8, 1 / 64, 1 / 512)
"""Where the loss does not fall, these parts of the learning rate are tried."""
HEAVY, MOST, LIGHTER = 10.0, 0.9, (1e-1, 1e-2, 1e-3)
"""A loss term is suspected whose weight is ten times the next one's and that has so much of the rise; these parts of it are
tried."""
USUAL = 1e-3
"""What is tried where the run's own learning rate is smaller, and moves nothing that could be measured."""


class Check(contract.Check):
    """A copy of the model takes some steps on one batch, with the same noise at every step, and its loss must fall.

    Fallen means: below the loss of another copy that took the same steps with a learning rate of 0, by more than rounding. That
    copy's codebook moves as far as averages move it, so that what falls is what the gradient did, however small the learning rate
    is. A loss that has less than doubled and is on its way down has not fallen yet: codes and encoder find each other in the
    first steps, and up to four times as many show which it is; where there is no time for these, nothing is said. A loss that was
    a hundred times as large on the way does not count as fallen: it ends at what the model gives when it is broken, such as
    black. Where the loss does not fall, a smaller weight of a term that is weighted far above the others and that makes the rise
    is tried, then smaller learning rates are tried, and the one that gets furthest is the fix.
    """

    order = 50
    seconds = 1.0

    def run(self, bench: Bench) -> Result:
        steps, batch = bench.pace.steps, [bench.pace.some()]
        if 2 * steps * bench.pace.step_seconds > bench.left():
            self.not_checked(Why.NO_TIME)
        own, bench.trained = bench.losses(bench.lr, steps, batch)
        standing, unmoved = bench.losses(0.0, 2, batch)
        moves = standing[1] != standing[0]  # its codes move by averages
        still = standing + bench.more(unmoved, 0.0, steps - 2, batch) if moves else standing
        for _ in range(LONGER):
            if _fallen(own, still) or not _coming_down(own):
                break
            if bench.left() < 4 * steps * bench.pace.step_seconds:
                self.not_checked(Why.NO_TIME)
            own += bench.more(bench.trained, bench.lr, steps, batch)
            still += bench.more(unmoved, 0.0, steps, batch) if moves else []
        values = {"lr": bench.lr, "steps": len(own), "items": bench.pace.items, "before": own[0], "after": own[-1]}
        values |= {"largest": max(own), "still": still[-1]}
        if not math.isfinite(own[0]):
            return self.failed("not-finite", values)
        if bench.trained.gradient == 0:
            return self.failed("no-gradient", values)
        if _fallen(own, still):
            return self.passed(values)
        steps = len(own)
        if heavy := self._too_heavy(bench, bench.trained, steps, batch):
            name, weight = heavy
            now = bench.weights[name]
            return self.failed(
                "too-heavy",
                values | {"weight": now, "lower_weight": weight},
                [name],
                weight_change(bench.spec, name, weight),
            )
        lower = {bench.lr * part: bench.losses(bench.lr * part, steps, batch) for part in LOWER}
        working = {lr: losses[-1] for lr, (losses, _) in lower.items() if _fallen(losses, still)}
        if working:
            lr = min(working, key=lambda one: working[one])
            bench.trained, bench.lower_lr = lower[lr][1], lr  # its weights are sound
            values |= {"lower_lr": lr, "lower_after": working[lr]}
            return self.failed("rises", values, changes=lr_change(bench.spec, lr))
        if bench.lr < USUAL and _fallen(bench.losses(USUAL, steps, batch)[0], still):
            return self.warning("too-small-to-see", values, changes=lr_change(bench.spec, USUAL))
        return self.failed("does-not-fall", values)

    @staticmethod
    def _too_heavy(bench: Bench, own: Trial, steps: int, batch: list[Any]) -> tuple[str, float] | None:
        """The loss term whose weight is the cause, and the largest weight (by powers of ten) with which the loss falls: one that
        is weighted far above the others, that the loss hardly consisted of at first, and that has nearly all of the rise."""
        first, weights = own.parts[0], bench.weights
        rises = {name: max(part[name] for part in own.parts) - before for name, before in first.items()}
        name = max(rises, key=lambda one: rises[one], default="")
        others = [weight for one, weight in weights.items() if one != name]
        if (
            not others
            or weights[name] < HEAVY * max(others)
            or not rises[name] >= MOST * sum(max(0.0, rise) for rise in rises.values()) > 0
            or first[name] > sum(first.values()) / 2
        ):
            return None
        for part in LIGHTER:
            lighter = {**weights, name: weights[name] * part}
            if _fallen(*(bench.losses(lr, steps, batch, lighter)[0] for lr in (bench.lr, 0.0))):
                return name, lighter[name]
        return None


def _coming_down(own: list[float]) -> bool:
    """Whether the loss has less than doubled and is below the highest that it has been."""
    return own[-1] < max(own) < HILL * own[0]


def _fallen(own: list[float], still: list[float]) -> bool:
    """Whether the last loss is below that of a model that stood still."""
    return own[-1] < still[-1] - ROUNDING * abs(still[-1]) and max(own) < THROWN * abs(still[0])
