"""Commands to a run that is being trained: from the studio, from a shell, from a notebook."""

from __future__ import annotations

import math
from typing import Any

from tilework.errors import UserError
from tilework.protocol.commands import COMMANDS
from tilework.protocol.models import branches, fields_of
from tilework.runs.folder import RunFolder
from tilework.runs.live import ring
from tilework.runs.lock import holder
from tilework.runs.store import RunStore


def _accepted(hint: Any) -> tuple[type, ...]:
    """The classes whose values a field takes; a whole number is a number, too."""
    return tuple(one for way in branches(hint) for one in ((int, float) if way is float else (way,)))


KINDS: dict[str, dict[str, tuple[type, ...]]] = {
    kind: {field.name: _accepted(field.hint) for field in fields_of(command.payload)}
    for kind, command in COMMANDS.items()
}
"""Every kind of command and what it may carry."""


def send(folder: RunFolder, kind: str, **payload: Any) -> int:
    """Put a command into the run's store and ring; returns its number, which `applied` of a later frame answers.

    Raises UserError for a kind or a payload that no run understands, and where nobody trains the run.
    """
    check(kind, payload)
    if holder(folder.path) is None:
        raise UserError(
            f"run {folder.id} is not being trained",
            why="commands go to the process that trains",
            fix=f"tilework resume {folder.id}",
        )
    with RunStore.open(folder.db) as store:
        number = store.command(kind, **payload)
    ring(folder.live)
    return number


def check(kind: str, payload: dict[str, Any]) -> None:
    """Raise UserError for a command that no run understands."""
    if kind not in KINDS:
        raise UserError(f"there is no command '{kind}'", why=f"the commands are {', '.join(KINDS)}")
    for name, value in payload.items():
        wanted = KINDS[kind].get(name)
        if wanted is None:
            raise UserError(
                f"the command {kind} takes no '{name}'", why=f"it takes {', '.join(KINDS[kind]) or 'nothing'}"
            )
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            raise UserError(f"the command {kind} cannot take {name}={str(value)[:60]}", why="it has another type")
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"the command {kind} cannot take {name}={value}", fix="give a finite number")
    if kind == "set" and {"name", "value"} - payload.keys():
        raise UserError("the command 'set' needs a name and a value")
    n = payload.get("n", 1)
    if kind == "step" and not 1 <= n <= 10**9:
        raise UserError(f"the command step cannot take n={n}", fix="give 1 to 1,000,000,000 steps")
    pace = payload.get("steps_per_second")
    if kind == "pace" and pace is not None and not 0 < pace <= 10**6:
        raise UserError(
            f"the command pace cannot take {pace} steps a second", fix="give more than 0, or null for no limit"
        )
