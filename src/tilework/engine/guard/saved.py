"""What a checkpoint keeps of the guard: looked at with suspicion, then taken over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from tilework.engine.guard.copies import Copy
from tilework.engine.guard.guard import Guard
from tilework.engine.guard.limit import Limit
from tilework.engine.guard.slowdown import Slowdown

_NUMBER = (int, float)
_STATE: dict[str, Any] = {
    "rolled": list, "in_row": int, "next_copy": int, "slowdown": dict, "history": list, "good": dict, "trial": dict,
}  # fmt: skip
_SLOWDOWN: dict[str, Any] = {"low": _NUMBER, "ceiling": _NUMBER, "since": int}
_ENTRY: dict[str, Any] = {"step": int, "lr": _NUMBER, "values": dict}
_LIMIT: dict[str, Any] = {"norm": _NUMBER, "weights": dict, "refused": list, "in_row": int}
_COPY: dict[str, Any] = {"step": int, "average_steps": int, "tensors": dict}
UNREAD: dict[str, Any] = {"step": int, "lr": _NUMBER, "names": list, "row": Tensor}


def entries_of(saved: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any], str]]:
    """Each mapping in what `Guard.saved` gave: its values, the type of every one, and how it is named. What comes first must be
    checked before the next is asked for."""
    later = {"limit": dict} if "limit" in saved else {}  # checkpoints of before it have none
    yield saved, _STATE | later, "guard."
    if later:
        yield saved["limit"], _LIMIT, "guard.limit."
    yield saved["slowdown"], _SLOWDOWN, "guard.slowdown."
    for number, entry in enumerate(saved["history"]):
        yield entry, _ENTRY, f"guard.history.{number}."
    for name in ("good", "trial"):
        yield saved[name], _COPY if "tensors" in saved[name] else {"step": int}, f"guard.{name}."
        for key, tensor in saved[name].get("tensors", {}).items():
            yield {key: tensor}, {key: Tensor}, f"guard.{name}.tensors."


def restored(guard: Guard, saved: Mapping[str, Any], unread: Sequence[Mapping[str, Any]], step: int) -> str:
    """Go on from what a checkpoint of `step` keeps, after its weights and optimiser have been taken over.

    Returns the name of what does not fit the model, else "". Where the guard is switched off by now it keeps no copies.
    """
    guard.rolled, guard.in_row, guard.next_copy = list(saved["rolled"]), saved["in_row"], saved["next_copy"]
    guard.state.slowdown = Slowdown(**saved["slowdown"])
    guard.history.restore(saved["history"], unread)
    if "limit" in saved:
        limit = dict(saved["limit"])
        guard.history.far_in_row = limit.pop("in_row")
        guard.limit = Limit(**limit)
    stepper = guard.parts.stepper
    stepper.far_in_row = torch.full_like(stepper.far_in_row, guard.history.far_until_now())
    if not guard.settings.enabled:
        return ""
    for name in ("good", "trial"):
        kept = saved[name]
        made = Copy.restored(kept) if "tensors" in kept else Copy()
        if misfit := made.misfit(guard.parts) if "tensors" in kept else "":
            return f"guard.{name}.tensors.{misfit}"
        if "tensors" not in kept and kept["step"] == step:
            made.take(guard.parts, step)
        setattr(guard, name, made)
    return ""
