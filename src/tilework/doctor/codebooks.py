"""What the rules of codebooks share: when one may be judged, and what of its spec is known to leave codes unused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tilework.doctor.case import Case
from tilework.doctor.finding import CannotJudge, Missing
from tilework.doctor.schedules import LR, lasting

FEWEST = 20
"""Steps before which nothing is reported, however short the run: codes have hardly moved."""
FEW_STEPS = 100
"""Before that (or the end of a shorter run) no codebook is judged."""
EARLY = 500
"""Steps in which a codebook without a known fault may still spread by itself: digits have one code for some 200 steps, while
the mean image is learned, and have spread by step 400 (RQ) and 460 (FSQ). An epoch is no measure: of a small set it is soon
over."""


def known_fault(case: Case) -> dict[str, Any]:
    """The changes that repair what is known to leave codes unused; {} where the spec has no such fault."""
    if case.setting("bottleneck.start") == "random" and not revives(case):
        return {"bottleneck.start": "kmeans", "bottleneck.revival": {}}
    if case.setting("bottleneck.kind") == "fsq" and not case.setting("objective.commitment"):
        return {"objective.commitment": 0.25}
    return {}


def revives(case: Case) -> bool:
    """Whether dead codes come back."""
    found = case.setting("bottleneck.revival", {})
    return found is not None and (not isinstance(found, Mapping) or found.get("enabled", True) is not False)


def cut_short(case: Case, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes that train longer, for a codebook that may spread yet and whose run ends before that; {} for any other.
    `changes` are those of `known_fault`."""
    if case.step >= EARLY or (changes and "objective.commitment" not in changes):
        return {}
    steps, per_epoch = case.setting("engine.steps"), int(case.meta.get("steps_per_epoch") or 0)
    if isinstance(steps, int) or not per_epoch:
        amount, unit = 2 * EARLY, "steps"
    else:
        amount, unit = -(-2 * EARLY // per_epoch), "epochs"
    return {f"engine.{unit}": amount, **lasting(case, LR, amount, unit)}


def wait(case: Case, changes: Mapping[str, Any]) -> None:
    """Raise CannotJudge where a codebook has been trained too little to be judged; `changes` are those of `known_fault`."""
    early = EARLY if not changes or "objective.commitment" in changes else FEW_STEPS
    if case.step < min(early, max(FEWEST, case.meta.get("total_steps") or early)):
        raise CannotJudge(Missing.STEPS, have=case.step, need=early)


def level_of(name: str) -> str:
    """`perplexity.2` -> `2`."""
    return name.partition(".")[2]


def of_level(level: str, levels: int) -> str:
    """` of level 2`; empty where there is one level alone."""
    return f" of level {level}" if levels > 1 else ""
