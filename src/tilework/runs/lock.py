"""One training process per run: a lock that the operating system drops with the process, however it dies."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
import weakref
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO

from tilework.errors import UserError
from tilework.runs.atomic import cannot_hold_runs, write_error
from tilework.runs.folder import RunFolder
from tilework.spec.disks import lacks_locks

if sys.platform == "win32":
    import msvcrt

    # Far behind the text: Windows locks bytes against reading too, and the text must stay readable.
    _FAR = 1 << 30

    def _try_lock(file: IO[str], *, shared: bool) -> bool:
        try:
            file.seek(_FAR)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(file: IO[str]) -> None:
        file.seek(_FAR)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _try_lock(file: IO[str], *, shared: bool) -> bool:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)


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
        self._path = self._folder / "lock"
        self._file: IO[str] | None = None

    def acquire(self) -> RunLock:
        """Take the lock. Raises UserError where another process trains the run, or where the folder cannot be written."""
        if self._file is not None:
            return self
        try:
            file = open(self._path, "a+", encoding="utf-8")  # noqa: SIM115 (stays open as long as the lock)
        except OSError as error:
            raise write_error(self._path, error) from error
        try:
            # A listing may look for an instant (see `holder`); only who stays is a trainer.
            held = _try_lock(file, shared=False)
            for _ in range(5):
                if held:
                    break
                time.sleep(0.05)
                held = _try_lock(file, shared=False)
        except OSError as error:
            file.close()
            if lacks_locks(error):
                reason = error.strerror or str(error)
                raise cannot_hold_runs(self._folder, "file locks", reason) from error
            raise write_error(self._path, error) from error
        if not held:
            file.close()
            raise _taken(self._folder)
        self._file = file
        _forget_in_children(self)
        try:
            file.truncate(0)
            json.dump({"pid": os.getpid(), "host": socket.gethostname(), "time": time.time()}, file)
            file.flush()
        except OSError as error:
            self.release()
            raise write_error(self._path, error) from error
        return self

    def release(self) -> None:
        """Give the lock back; the file stays."""
        file, self._file = self._file, None
        if file is not None:
            try:
                _unlock(file)
            finally:
                file.close()

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
    path = folder / "lock"
    try:
        with path.open("r", encoding="utf-8") as file:
            if _try_lock(file, shared=True):
                _unlock(file)
                return None
    except OSError:
        # No lock file: never trained. Not readable or not lockable there: nobody of ours trains it.
        return None
    return _read_holder(path)


def _read_holder(path: Path) -> Holder:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return Holder(int(stored["pid"]), str(stored["host"]), float(stored["time"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Holder(None, "", None)


_HELD: weakref.WeakSet[RunLock] = weakref.WeakSet()


def _forget_in_children(lock: RunLock) -> None:
    _HELD.add(lock)


def _close_in_child() -> None:
    # A forked worker shares the open file, and with it the lock, which would then outlive a killed trainer.
    for lock in list(_HELD):
        file, lock._file = lock._file, None
        if file is not None:
            os.close(file.fileno())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)
