"""What rules over probes have in common: numbers of a model that was looked at. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tilework.doctor.case import Case
from tilework.doctor.finding import CannotJudge, Evidence, Missing

DRAWN = ("digits", "loops")
"""Sources whose images the program makes itself: nobody has better ones."""
FEWEST = 8
"""Images that must have been looked at before something is reported of a set."""


def looked(case: Case, probe: str) -> Mapping[str, Any] | None:
    """What a probe found; None where the model does not have what it looks at. Raises CannotJudge where it was not made."""
    found = case.probe(probe)
    return found if found.get("applies", True) else None


def step_of(case: Case, found: Mapping[str, Any]) -> int:
    """The step of the weights that a probe looked at."""
    return int(found.get("step", case.step))


def image_of(found: Mapping[str, Any], *series: str) -> Evidence:
    """The image that a probe left, where there is one, and series beside it."""
    return Evidence(series=series, image=str(found.get("image", "")))


def need_steps(case: Case, found: Mapping[str, Any], steps: int) -> None:
    """Raise CannotJudge where the weights have fewer steps behind them than it takes to learn what is judged."""
    if step_of(case, found) < steps:
        raise CannotJudge(Missing.STEPS, have=step_of(case, found), need=steps)


def settled(case: Case) -> bool:
    """Whether held-out error falls no more: by less than 15 % in the second half of the steps, as four validations
    show. A model that still learns may lose a blur or a pattern by itself: short runs of healthy models fall by 20 to
    60 % there."""
    try:
        held = case.curve("mse", least=4).finite()
    except CannotJudge:
        return False
    before = held.values[held.steps <= held.steps[-1] / 2] if len(held) else held.values
    return bool(len(before) and held.last >= 0.85 * before[-1])


def weight_name(case: Case, term: str) -> str:
    """The full name of a loss term's weight: a spec of few words has the bare number in place of the term."""
    return f"objective.{term}.weight" if isinstance(case.setting(f"objective.{term}"), Mapping) else f"objective.{term}"


def largest_weight(case: Case, term: str) -> float:
    """The largest weight that a loss term ever has by its schedule; 0 where it has none."""
    weight = case.setting(weight_name(case, term), 0.0)
    known = (
        [weight.get(name) for name in ("value", "start", "end", "limit")] if isinstance(weight, Mapping) else [weight]
    )
    return max((float(value) for value in known if isinstance(value, (int, float))), default=0.0)


def weighted(case: Case, term: str, factor: float) -> dict[str, Any]:
    """The change to so many times the weight that a loss term now has, rounded; constant from then on."""
    now = case.known(f"weight.{term}", "train")
    weight = now if now > 0 else largest_weight(case, term)
    return {weight_name(case, term): float(f"{weight * factor:.1g}")}


def half(case: Case) -> str:
    """Half of the size of images, where that leaves 16 pixels; "" where it does not."""
    wide, _, high = str(case.setting("data.size", "")).partition("x")
    if not (wide.isdecimal() and high.isdecimal() and min(int(wide), int(high)) >= 32):
        return ""
    return f"{int(wide) // 2}x{int(high) // 2}"
