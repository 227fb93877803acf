"""Whether the loss has risen suddenly: the newest steps against those before them, by medians, which one odd batch does not move.

Every step is judged under the loss weights of now: its terms are kept, and their sum is formed anew. So a weight that a schedule
or a person changes makes no jump; only worse terms do.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from tilework.engine.guard.history import Entry

NEWEST = 5
"""Steps whose median is judged."""
BEFORE = 64
"""Steps before them that they are compared with."""
ENOUGH = 10
"""Fewer of these mean nothing."""
DEVIATIONS = 8.0
"""A rise is more than so many standard deviations of single steps (from the median absolute difference of two in a row)."""


@dataclass(frozen=True)
class Rise:
    """The loss of the newest steps beside what it usually is; all under the weights of now."""

    loss: float
    usual: float
    threshold: float

    @property
    def alarming(self) -> bool:
        """Whether it is a spike."""
        return self.loss > self.threshold

    @property
    def healthy(self) -> bool:
        """Whether it is far from one."""
        return self.loss <= (self.usual + self.threshold) / 2


@dataclass(frozen=True)
class _Scored:
    lr: float
    loss: float
    size: float
    """Of its terms, whatever their sign."""


def rise(entries: Iterable[Entry], weights: Mapping[str, float], spike: float, newest: int = NEWEST) -> Rise | None:
    """How far the loss has risen by the median of the `newest` steps; None where there is too little to compare.

    With u and s the median loss and the median size of the steps before, and d their deviation, the threshold is
    u + max(8 d, (spike - 1) s), and further away by as much as the learning rate has been raised since.
    """
    scored = [found for entry in entries if (found := _scored(entry, weights)) is not None]
    now, before = scored[-newest:], scored[-newest - BEFORE : -newest]
    if len(now) < newest or len(before) < ENOUGH:
        return None
    usual = median(one.loss for one in before)
    # From one step to the next: what a loss has fallen by within the window is no noise.
    deviation = 1.4826 / 2**0.5 * median(abs(after.loss - one.loss) for one, after in pairwise(before))
    room = max(DEVIATIONS * deviation, (spike - 1) * median(one.size for one in before))
    return Rise(median(one.loss for one in now), usual, usual + room * _faster(now, before))


def loss_of(entry: Entry, weights: Mapping[str, float]) -> float:
    """The loss of one step under these weights; NaN where it did not measure every term."""
    found = _scored(entry, weights)
    return math.nan if found is None else found.loss


def _scored(entry: Entry, weights: Mapping[str, float]) -> _Scored | None:
    if not weights:
        return _Scored(entry.lr, entry.values["loss"], abs(entry.values["loss"]))
    loss = size = 0.0
    for name, weight in weights.items():
        if weight == 0:
            continue
        value = entry.values.get(name)
        if value is None:
            return None
        loss += weight * value
        size += abs(weight * value)
    return _Scored(entry.lr, loss, size)


def _faster(now: Sequence[_Scored], before: Sequence[_Scored]) -> float:
    """How much the learning rate was raised, 1 at least: a warm restart makes the loss jump, and should."""
    usual = median(one.lr for one in before)
    newest = max(one.lr for one in now)
    return max(1.0, newest / usual) if usual > 0 else math.inf
