"""A run that is being started: where its process is, until there is a run or a reason why there is none."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from tilework.errors import RunFailure, TileworkError, UserError
from tilework.runs.stage import Stage, read
from tilework.studio.details import last_lines


@dataclass
class Start:
    """One start, as the process that was begun for it tells."""

    name: str
    about: str
    """What is started: a recipe's name, or a run's id."""
    log: Path
    stage_file: Path
    before: frozenset[str]
    """Ids of the runs that there were."""
    child: subprocess.Popen[bytes] | None = None
    stage: Stage = field(default_factory=lambda: Stage(""))
    run: str | None = None
    """Id of the run, once it exists."""
    problem: TileworkError | None = None
    """Why there is none."""
    over: bool = False
    """Whether it is waited for no longer."""

    def look(self) -> Stage:
        """Where its process is now; where it was last, once it is over."""
        found = None if self.over else read(self.stage_file)
        if found is not None:
            self.stage = found
        return self.stage


def new_name() -> str:
    """A name for a start: of its log and its other files, until the run has one."""
    return f"new-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"


def interrupt(child: subprocess.Popen[bytes]) -> None:
    """Ask a process to end as Ctrl-C does."""
    child.send_signal(signal.SIGINT if os.name != "nt" else signal.CTRL_BREAK_EVENT)  # type: ignore[attr-defined,unused-ignore]


def said_before_its_end(log: Path, code: int) -> TileworkError:
    """The error that a process printed as its last word, as an error of ours."""
    said: dict[str, str] = {}
    lines = last_lines(log)
    for line in lines:
        key, _, text = line.strip().partition(": ")
        if key in {"error", "why", "fix"} and text:
            if key == "error":
                said = {}
            said[key] = text
    if "error" in said:
        return UserError(said["error"], why=said.get("why", ""), fix=said.get("fix", ""))
    return RunFailure(
        f"the process ended before its run began (exit code {code})",
        why=" ".join(lines[-3:])[:600],
        fix=f"see {log.name} in the folder {log.parent.name} of the runs",
    )
