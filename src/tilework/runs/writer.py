"""One thread that owns the writing connection, so that training never waits for the disk.

Calls append to a buffer in memory; the thread takes what has gathered every quarter second and commits it in one
transaction. A kill loses at most that tail, and a reader sees a batch whole or not at all.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from tilework.errors import RunFailure, UserError
from tilework.runs.connection import connect, explain, transaction

MOST_PER_COMMIT = 2000

Operation = Callable[["Batch"], None]


class Batch:
    """What an operation writes with: the open transaction and the ids of the series."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.execute = connection.execute
        self.executemany = connection.executemany
        self._series: dict[tuple[str, str], int] = {}

    def series(self, name: str, split: str) -> int:
        """Id of a series, made on first use."""
        key = (name, split)
        if key not in self._series:
            self.execute("INSERT OR IGNORE INTO series (name, split) VALUES (?, ?)", key)
            (found,) = self.execute("SELECT id FROM series WHERE name = ? AND split = ?", key).fetchone()
            self._series[key] = found
        return self._series[key]

    def forget(self) -> None:
        """Series ids may be gone: after a rollback, or when series were deleted."""
        self._series.clear()


class Writer:
    """The buffer and its thread. Every method may be called from any thread."""

    def __init__(
        self, db: Path, *, every_seconds: float = 0.25, limit: int = 50_000, patience_seconds: float = 60.0
    ) -> None:
        self._db = db
        self._every = every_seconds
        self._limit = limit
        self._patience = patience_seconds
        self._waiting: deque[Operation] = deque()
        self._appended = 0
        self._written = 0
        self._urgent = False
        self._closing = False
        self._failure: UserError | None = None
        self._changed = threading.Condition()
        self._connection = connect(db, readonly=False)
        self._batch = Batch(self._connection)
        self._thread = threading.Thread(target=self._run, name=f"store of {db.parent.name}", daemon=True)
        self._thread.start()

    @property
    def idle(self) -> bool:
        """True when everything appended is committed."""
        return self._written == self._appended

    def append(self, operation: Operation) -> None:
        """Take one operation. Raises the failure of an earlier one; waits only where the buffer is full.

        The operation stays in the buffer if writing fails: a later `flush` that succeeds writes it.
        """
        with self._changed:
            self._raise_failure()
            if self._closing:
                raise RuntimeError("the store is closed")
            if len(self._waiting) >= self._limit:
                self._wait_for_room()
            self._waiting.append(operation)
            self._appended += 1
            if len(self._waiting) == 1:
                self._changed.notify_all()

    def flush(self) -> None:
        """Return when everything appended so far is committed; tries again where writing failed before.

        Raises UserError if it cannot.
        """
        with self._changed:
            goal = self._appended
            self._failure = None
            self._urgent = True
            self._changed.notify_all()
            while self._written < goal:
                self._raise_failure()
                if not self._thread.is_alive():
                    raise RunFailure("the thread that writes the store has died", fix="resume the run")
                self._changed.wait(timeout=1.0)

    def close(self) -> None:
        """Flush and stop the thread; it stops too where the last operations cannot be written, which raises UserError."""
        with self._changed:
            if self._closing:
                return
        try:
            self.flush()
        finally:
            with self._changed:
                self._closing = True
                self._changed.notify_all()
            self._thread.join()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _wait_for_room(self) -> None:
        end = time.monotonic() + self._patience
        self._urgent = True
        self._changed.notify_all()
        while len(self._waiting) >= self._limit:
            self._raise_failure()
            left = end - time.monotonic()
            if left <= 0:
                raise RunFailure(
                    f"the store of run {self._db.parent.name} cannot keep up",
                    why=f"its disk wrote nothing for {self._patience:.0f} s while {self._limit} rows wait",
                    fix="put the run folder on a local disk (TILEWORK_RUNS)",
                )
            self._changed.wait(timeout=left)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._closing and (self._failure is not None or not self._waiting):
                    self._urgent = False
                    self._changed.wait()
                if self._closing:
                    break
                if not self._urgent:
                    # Let a batch gather; a flush or a full buffer cuts this short.
                    self._changed.wait_for(lambda: self._urgent or self._closing, timeout=self._every)
                self._urgent = False
                batch = list(islice(self._waiting, MOST_PER_COMMIT))
            failure = self._commit(batch)
            with self._changed:
                if failure is None:
                    for _ in batch:
                        self._waiting.popleft()
                    self._written += len(batch)
                self._failure = failure
                self._changed.notify_all()
        self._connection.close()

    def _commit(self, batch: list[Operation]) -> UserError | None:
        try:
            with transaction(self._connection):
                for operation in batch:
                    operation(self._batch)
        except sqlite3.Error as error:
            self._batch.forget()
            return explain(error, self._db)
        except Exception as error:  # a fault of ours must reach the caller too, not die with the thread
            self._batch.forget()
            return UserError(
                f"the store of run {self._db.parent.name} could not be written", why=repr(error), fix="report this"
            )
        return None
