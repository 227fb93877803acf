"""Locks on files that the operating system drops with the process, however it dies; whether one is held can be asked."""

from __future__ import annotations

import contextlib
import os
import sys
import time
import weakref
from pathlib import Path
from types import TracebackType
from typing import IO

_POLL_SECONDS = 0.05

if sys.platform == "win32":
    import msvcrt

    # Far behind any text: Windows locks bytes against reading too, and what a file says must stay readable.
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


class FileLock:
    """The exclusive lock on `path`, which is made where it is not there and stays. A forked child does not hold it.

    As a context manager it waits until nobody else has it. Raises OSError where the file cannot be opened, or where its disk
    knows no locks (`spec.disks.lacks_locks`).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None

    def acquire(self, seconds: float | None = None) -> bool:
        """Take it, waiting for at most so long (None = as long as it takes): whether it was taken."""
        if self.held:
            return True
        file = open(self.path, "a+", encoding="utf-8")  # noqa: SIM115 (stays open as long as the lock)
        end = None if seconds is None else time.monotonic() + seconds
        try:
            while not _try_lock(file, shared=False):
                if end is not None and time.monotonic() >= end:
                    file.close()
                    return False
                time.sleep(_POLL_SECONDS)
        except BaseException:
            file.close()
            raise
        self._file = file
        _HELD.add(self)
        return True

    @property
    def held(self) -> bool:
        """Whether it is this one that has it."""
        return self._file is not None

    def write(self, text: str) -> None:
        """Put `text` in place of what the file says; the lock is held."""
        assert self._file is not None
        self._file.truncate(0)
        self._file.write(text)
        self._file.flush()

    def release(self) -> None:
        """Give it back."""
        file, self._file = self._file, None
        if file is not None:
            try:
                _unlock(file)
            finally:
                file.close()

    def __enter__(self) -> FileLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def is_held(path: Path) -> bool:
    """Whether a process holds the lock on `path` at this moment; a killed one does not. Two that ask do not see each other.

    A file that is not there, or cannot be opened or locked, is held by nobody.
    """
    with contextlib.suppress(OSError), path.open("r", encoding="utf-8") as file:
        if not _try_lock(file, shared=True):
            return True
        _unlock(file)
    return False


_HELD: weakref.WeakSet[FileLock] = weakref.WeakSet()


def _close_in_child() -> None:
    # A forked worker shares the open file, and with it the lock, which would then outlive a killed parent.
    for lock in list(_HELD):
        file, lock._file = lock._file, None
        if file is not None:
            os.close(file.fileno())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_in_child)
