"""A number that may be set while a run goes on, with what a slider needs to know about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Setting:
    """One setting that can be steered; whoever owns the number describes it, and nobody else knows its range or its words."""

    name: str
    """Its path below its owner, for example `revival.threshold`."""
    label: str
    value: float
    """What it stands at."""
    low: float
    high: float
    scale: Literal["linear", "log", "off-log"]
    """off-log: logarithmic, with 0 = off at the left end; `low` is then 0."""
    help: str
