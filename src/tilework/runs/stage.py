"""What a process does before its run exists, and the error that ended it, in a small file that whoever started it reads."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tilework.errors import RunFailure, TileworkError, UserError

FILE = "TILEWORK_STAGE_FILE"
"""Of the environment: a file that is there, to be written to. Nothing is written where it is not."""


@dataclass(frozen=True)
class Stage:
    """Where a start is."""

    name: str
    """`torch` while it is loaded, `data` while the model is built, and as `Progress.preparing` names it: `images`, `tokens`,
    `preflight`, `codes`."""
    done: int = 0
    """Of whatever it counts; 0 where it counts nothing."""
    total: int = 0
    """How many of them there will be; 0 where that is not known."""


def note(stage: Stage) -> None:
    """Write down where this process is. A file that cannot be written costs the person a look, and not the run."""
    _write({"stage": stage.name, "done": stage.done, "total": stage.total})


def note_error(error: TileworkError) -> None:
    """Write down what ended this process."""
    parts = {**error.parts(), "field": error.field, "override": error.override}
    _write({"error": parts, "mistake": isinstance(error, UserError)})


def _write(content: dict[str, Any]) -> None:
    path = os.environ.get(FILE, "")
    if not path:
        return
    with contextlib.suppress(OSError):
        # never made anew: whoever made it and has removed it wants to hear nothing any more. Half of it, read, is no stage yet
        file = os.open(path, os.O_WRONLY | os.O_TRUNC)
        try:
            os.write(file, json.dumps(content).encode())
        finally:
            os.close(file)


def read(path: Path) -> Stage | None:
    """Where a process is; None before it has reported that."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Stage(str(found["stage"]), int(found["done"]), int(found.get("total", 0)))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_error(path: Path) -> TileworkError | None:
    """What ended a process; None where it has written down no error."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        parts = {name: str(found["error"][name]) for name in ("what", "why", "fix", "field", "override")}
        return (UserError if found["mistake"] else RunFailure)(parts.pop("what"), **parts)
    except (OSError, ValueError, KeyError, TypeError):
        return None
