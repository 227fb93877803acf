"""A run as it is seen from outside: alive, ended, crashed, gone. What the socket's `state` holds."""

from __future__ import annotations

import os
from typing import Literal

from tilework.errors import TileworkError
from tilework.protocol.run import RunStatus
from tilework.protocol.socket import StateMessage
from tilework.runs.checkpoints import in_force, step_of
from tilework.runs.folder import RunFolder
from tilework.runs.status import run_status
from tilework.runs.stop_reason import stop_text
from tilework.runs.store import RunStore
from tilework.studio.paths import Root


def state_of(root: Root, folder: RunFolder) -> StateMessage:
    """What the socket sends about it. Never raises."""
    if not os.path.lexists(folder.path / "run.json"):
        return deleted(f"the folder of run {folder.id} is gone")
    try:
        RunFolder.open(folder.path)
        status = run_status(folder)
        reasons = _why(folder, status)
    except TileworkError as error:
        return _state(RunStatus.UNREADABLE, error.what, error.why, error.fix)
    except Exception as error:  # whatever is odd about a folder, a message is all that it costs
        return _state(RunStatus.UNREADABLE, f"{type(error).__name__}: {error}")
    ended = status in {RunStatus.STOPPED, RunStatus.CRASHED, RunStatus.FINISHED}
    goes_on = ended and in_force(folder.checkpoints) is not None
    return _state(status, *reasons, command=root.command(folder) if goes_on else None)


def deleted(reason: str) -> StateMessage:
    """The state of a run that is not there."""
    return _state("deleted", reason)


def _state(status: RunStatus | Literal["deleted"], *reasons: str, command: str | None = None) -> StateMessage:
    return {
        "type": "state",
        "status": status,
        "reasons": [reason for reason in reasons if reason],
        "resume": command is not None,
        "command": command,
    }


def _why(folder: RunFolder, status: RunStatus) -> list[str]:
    """What its journal holds about its end."""
    if status in {RunStatus.RUNNING, RunStatus.PAUSED}:
        return []
    last = None
    if folder.db.exists():
        with RunStore.open(folder.db) as store:
            ends = [e for e in store.events() if e.kind in {"finished", "stopped", "failed", "started", "resumed"}]
            last = ends[-1] if ends else None
    if last is not None and last.kind == "failed":
        error = [str(last.payload[part]) for part in ("what", "why", "fix") if last.payload.get(part)]
        return [*error, *_goes_on_from(folder)]
    if status is RunStatus.CRASHED:
        return ["its process ended with no error message", *_goes_on_from(folder)]
    return [stop_text(last.payload)] if last is not None and last.kind == str(status) else []


def _goes_on_from(folder: RunFolder) -> list[str]:
    """What a resume would begin with; [] where there is no checkpoint."""
    saved = step_of(in_force(folder.checkpoints))
    if saved is None:
        return []
    return [f"resume goes on from its last checkpoint, step {saved:,}, and trains what came after it again"]
