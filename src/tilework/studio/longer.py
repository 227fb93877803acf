"""What a run that has spent its budget needs to be trained further: the overrides that `tilework resume` takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tilework.errors import UserError
from tilework.runs.budget import overrides_until
from tilework.runs.folder import RunFolder
from tilework.runs.stop_reason import StopReason, stop_reason
from tilework.runs.store import RunStore
from tilework.studio.details import spec_of

_MOST_STEPS = 10**9


def overrides_to(folder: RunFolder, wanted: Any) -> list[str]:
    """Overrides with which a resumed run trains until step `wanted`; [] where `wanted` is None: as its spec has it.

    A run that stopped early because nothing improved does not do so again. Raises UserError for a step that it has reached
    already.
    """
    if wanted is None:
        return []
    if isinstance(wanted, bool) or not isinstance(wanted, int) or not 0 < wanted <= _MOST_STEPS:
        raise UserError("to_step is no number of steps", why=f"it is {wanted!r}"[:100], fix="send a whole number")
    with RunStore.open(folder.db) as store:
        facts, reached = store.meta(), int(store.latest()["step"])
        ends = [event for event in store.events() if event.kind == "finished"]
    if wanted <= reached:
        raise UserError(
            f"run {folder.id} has trained {reached:,} steps already", why=f"{wanted:,} is not more", fix="choose more"
        )
    engine = spec_of(folder).get("engine") or {}
    per_epoch = int(facts.get("steps_per_epoch") or 0)
    total, passed = facts.get("total_steps"), facts.get("total_epochs")
    until = (total, float(passed)) if isinstance(total, int) and isinstance(passed, int | float) else (0, 0.0)
    found = overrides_until(
        wanted,
        steps=engine.get("steps"),
        epochs=engine.get("epochs"),
        steps_per_epoch=per_epoch,
        ends=until,
    )
    if ends and _stopped_early(ends[-1].payload, reached, facts.get("total_steps")):
        found.append("engine.early_stopping=null")
    return found


def _stopped_early(payload: Mapping[str, Any], reached: int, total: Any) -> bool:
    """Whether a run that has finished did so because nothing improved; where its tilework did not record it, its steps
    show it."""
    reason = stop_reason(payload)
    return reason is StopReason.EARLY_STOPPING if reason else isinstance(total, int) and reached < total
