"""One training process per run, and who it is."""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType

from tilework.errors import UserError
from tilework.locks import FileLock, is_held
from tilework.runs.atomic import cannot_hold_runs, write_error
from tilework.runs.folder import RunFolder
from tilework.spec.disks import lacks_locks

_LOOK_SECONDS = 0.25
"""A listing may look for an instant (see `holder`); only who stays is a trainer."""


@dataclass(frozen=True)
class Holder:
    """Who trains a run: as written by that process, for people to read."""

    pid: int | None
    host: str
    time: float | None

    def __str__(self) -> str:
        text = f"process {self.pid}" if self.pid else "another process"
        if self.host and self.host != socket.gethostname():
            text += f" on {self.host}"
        return text + (f" (since {datetime.fromtimestamp(self.time):%H:%M on %d %b})" if self.time else "")


class RunLock:
    """The right to train the run in `folder`. Use as a context manager, or `acquire()` and `release()`."""

    def __init__(self, folder: RunFolder | Path) -> None:
        self._folder = folder if isinstance(folder, Path) else folder.path
        self._lock = FileLock(self._folder / "lock")

    def acquire(self) -> RunLock:
        """Take the lock. Raises UserError where another process trains the run, or where the folder cannot be written."""
        if self._lock.held:
            return self
        try:
            if not self._lock.acquire(_LOOK_SECONDS):
                raise _taken(self._folder)
            self._lock.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "time": time.time()}))
        except OSError as error:
            self.release()
            if lacks_locks(error):
                reason = error.strerror or str(error)
                raise cannot_hold_runs(self._folder, "file locks", reason) from error
            raise write_error(self._lock.path, error) from error
        return self

    def release(self) -> None:
        """Give the lock back; the file stays."""
        self._lock.release()

    def __enter__(self) -> RunLock:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def refuse_if_held(folder: Path) -> None:
    """Raise UserError where a process trains the run in `folder` at this moment."""
    if holder(folder) is not None:
        raise _taken(folder)


def _taken(folder: Path) -> UserError:
    who = _read_holder(folder / "lock")
    return UserError(
        f"run {folder.name} is being trained by {who}",
        why="two processes that train one run would spoil its checkpoints and curves",
        fix=f"stop that process first (kill {who.pid})" if who.pid else "stop that process first",
    )


def holder(folder: Path) -> Holder | None:
    """Who trains the run in `folder` right now, or None. Asks the operating system, so a killed process counts as gone."""
    return _read_holder(folder / "lock") if is_held(folder / "lock") else None


def _read_holder(path: Path) -> Holder:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return Holder(int(stored["pid"]), str(stored["host"]), float(stored["time"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Holder(None, "", None)
