"""Which learning rates are usual for an optimiser and a batch. A fix returns there; a rule that blames one starts there."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tilework.doctor.case import Case
from tilework.doctor.finding import CannotJudge, Missing
from tilework.doctor.schedules import LR, largest, scaled

USUAL = {"adam": 1e-3, "adamw": 1e-3, "muon": 2e-3}
"""At a batch of 32 or more: Kingma 2014 for Adam; what the shipped recipes settled on for Muon."""
BATCH = 32
"""Below it the usual rate goes with the root of the batch (arXiv 2205.10287): Adam's steps are as long, but noisier."""


def usual(case: Case) -> float:
    """The usual learning rate for this run's optimiser and batch."""
    batch = float(case.setting("engine.batch_size", BATCH)) * float(case.setting("optimizer.accumulate", 1) or 1)
    found = USUAL.get(str(case.setting("optimizer.kind", "adam")), 1e-3)
    return found * math.sqrt(min(1.0, max(batch, 1.0) / BATCH))


def times_usual(case: Case) -> float:
    """The highest learning rate of the schedule over the usual one; NaN where the spec has none."""
    return largest(case, LR) / usual(case)


def lower(case: Case) -> dict[str, Any]:
    """The change to a lower rate: the usual one from far above it, else a third."""
    times = times_usual(case)
    return scaled(case, LR, 1 / times if times > 3 else 1 / 3) or {LR: usual(case) / 3}


def usual_again(case: Case) -> dict[str, Any]:
    """The change to the usual rate."""
    times = times_usual(case)
    return scaled(case, LR, 1 / times) if times > 0 else {LR: usual(case)}


def steps_since_warm_up(case: Case) -> int:
    """Steps with at least half of the highest learning rate behind them. Raises CannotJudge where that was never reached."""
    lr = case.curve("lr", "train")
    top = largest(case, LR)
    reached = lr.steps[lr.values >= (np.nanmax(lr.values) if math.isnan(top) else top) / 2]
    if not len(reached):
        raise CannotJudge(Missing.STEPS)
    first = int(reached[0])
    return case.step - (0 if first == int(lr.steps[0]) else first)
