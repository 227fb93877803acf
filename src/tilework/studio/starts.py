"""A run that is being started: where its process is, until there is a run or a reason why there is none."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from tilework.errors import RunFailure, TileworkError
from tilework.runs.stage import Stage, read, read_error
from tilework.studio.details import last_lines


@dataclass
class Start:
    """One start, as the process that was started for it reports."""

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


def why_it_ended(log: Path, stage_file: Path, code: int) -> TileworkError:
    """What ended a process before its run began: the error that it has written down, else the end of what it has printed."""
    return read_error(stage_file) or RunFailure(
        f"the process ended before its run began (exit code {code})",
        why=" ".join(last_lines(log)[-3:])[:600],
        fix=f"see {log.name} in the folder {log.parent.name} of the runs",
    )
