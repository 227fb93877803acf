"""Which asks wait for which: what a hand moves never waits for what takes seconds."""

from __future__ import annotations

from typing import Literal

from tilework.protocol.dream import DREAM_KINDS

Lane = Literal["quick", "slow"]
LANES: tuple[Lane, ...] = ("quick", "slow")
_SLOW = frozenset(
    {"statistics", "search", "traverse", "plane", "walk", "map", "nearest", "directions", "receptive", "atlas", "code"}
    | set(DREAM_KINDS)
)
LONG: frozenset[str] = frozenset(DREAM_KINDS)
"""Slow asks that report what is there so far, and stop where nobody waits for them any more."""


def lane_of(kind: object) -> Lane:
    """The lane of a kind of ask; an unknown kind is refused quickly."""
    return "slow" if isinstance(kind, str) and kind in _SLOW else "quick"
