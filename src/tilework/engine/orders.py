"""What a person asks of a run while it goes on, as values; and what of it must be asked again when the run is repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tilework.runs.folder import RunFolder
from tilework.runs.records import Command
from tilework.runs.store import RunStore

PACING = frozenset({"pause", "run", "step", "pace", "snapshot", "stop", "reset"})
"""Commands that change when a run computes, and not what: a repeated run does without them."""


@dataclass(frozen=True)
class Order:
    """One command to carry out; `before_step` is the step (from 1) that is the first to feel it."""

    kind: str
    payload: dict[str, Any] = field(default_factory=dict)
    id: int | None = None
    """Its number in the store; None = not in the store yet (a repeated run, a reset)."""
    before_step: int = 0


def applied(commands: Sequence[Command], statuses: tuple[str, ...] = ("applied",)) -> list[Order]:
    """The interventions among commands that change what a run computes, in the order in which they took effect."""
    found = [
        Order(c.kind, c.payload, c.id, c.applied_step)
        for c in commands
        if c.status in statuses and c.kind not in PACING and c.applied_step is not None
    ]
    return sorted(found, key=lambda order: (order.before_step, order.id or 0))


def orders_after(run: RunFolder, step: int) -> tuple[Order, ...]:
    """What a run had been asked after the checkpoint that it goes on from: it is asked again at the same steps.

    Not where the run failed, for what it was asked may be why; nor where its store is gone, which then begins anew.
    """
    if not run.db.is_file():
        return ()
    with RunStore.open(run.db) as store:
        if any(event.kind == "failed" and event.step >= step and not event.rewound for event in store.events("failed")):
            return ()
        asked = applied(store.commands(), ("applied", "undone"))
    return tuple(order for order in asked if order.before_step > step)
