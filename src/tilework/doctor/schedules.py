"""Settings that may be schedules (the learning rate, the weight of a loss term), as the plain values of a spec."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tilework.doctor.case import Case

_VALUES = ("value", "start", "end", "limit")
"""Where a schedule gives what it reaches; `rise` and `minimum` go along when it is scaled."""
LR = "optimizer.lr"


def largest(case: Case, name: str) -> float:
    """The most that a setting ever is, warm-up aside; NaN where the spec has no such number."""
    found = case.setting(name)
    reached = [found.get(key) for key in _VALUES] if isinstance(found, Mapping) else [found]
    numbers = [float(one) for one in reached if isinstance(one, (int, float)) and not isinstance(one, bool)]
    return max(numbers, default=math.nan)


def scaled(case: Case, name: str, factor: float) -> dict[str, Any]:
    """The changes that make a setting `factor` times what it is, whatever its schedule; {} where the spec has no such number."""
    found = case.setting(name)
    if not isinstance(found, Mapping):
        return {} if math.isnan(largest(case, name)) else {name: plain(float(found) * factor)}
    return {
        f"{name}.{key}": plain(float(found[key]) * factor)
        for key in (*_VALUES, "rise", "minimum")
        if isinstance(found.get(key), (int, float)) and found[key] != 0
    }


def lasting(case: Case, name: str, amount: int, unit: str) -> dict[str, Any]:
    """The changes with which a schedule goes on to the end of a run that is made longer: so many `steps` or `epochs`. {} where it
    does, where it has no length, and where that is counted otherwise."""
    found = case.setting(name)
    over = found.get("over") if isinstance(found, Mapping) else None
    length, _, counted = str(over).partition(" ")
    shorter = counted == unit and length.isdecimal() and int(length) < amount
    return {f"{name}.over": f"{amount} {unit}"} if shorter else {}


def weight_name(case: Case, term: str) -> str:
    """The full name of a loss term's weight: a spec of few words has the bare number in place of the term."""
    found = case.setting(f"objective.{term}")
    bare = found is not None and not (isinstance(found, Mapping) and "weight" in found)
    return f"objective.{term}" if bare else f"objective.{term}.weight"


def weight(case: Case, term: str) -> float:
    """The most that the weight of a loss term ever is; 0 where the objective has no such term."""
    found = largest(case, weight_name(case, term))
    return 0.0 if math.isnan(found) else found


def plain(value: float) -> float:
    """A number as a person would write it: two significant digits."""
    return float(f"{value:.2g}") if math.isfinite(value) else value
