"""RunStore: everything a run writes down besides its checkpoints, in one SQLite file that can be read at any moment."""

from __future__ import annotations

import contextlib
import sqlite3
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from tilework.errors import TileworkError, UserError
from tilework.runs import schema as _schema  # registers the migrations
from tilework.runs.atomic import cannot_hold_runs
from tilework.runs.connection import connect, store_errors, transaction
from tilework.runs.migrations import current_version, migrate, store_version
from tilework.runs.reader import StoreReader
from tilework.runs.records import Command, to_json
from tilework.runs.writer import Batch, Writer

assert _schema


class RunStore(StoreReader):
    """A run's metrics, events, findings, commands and index of snapshots; see `StoreReader` for the questions.

    One process writes: what it logs goes to memory and is committed by a thread within a quarter of a second. `flush()`
    returns when it is on file; call it before a checkpoint is written, so that the store is never behind the checkpoint. A
    failed write (a full disk) is raised by the next call, and what waits stays in memory for a later `flush()`.

    Facts that the list of runs reads from `meta`: `status` (running, paused, finished, stopped), `total_steps`,
    `total_epochs`, `seconds` (spent training).
    """

    def __init__(self, db: Path, connection: sqlite3.Connection, writer: Writer | None) -> None:
        super().__init__(db, connection)
        self._writer = writer
        self._answered: set[int] = set()
        if writer is not None:
            # A program that ends without close() still keeps its last rows.
            self._on_exit = weakref.finalize(self, _close_quietly, writer)

    @classmethod
    def create(cls, db: Path) -> RunStore:
        """A new, empty store, open for writing. Raises UserError where the file exists or cannot be written."""
        if db.exists() and db.stat().st_size > 0:
            raise UserError(
                f"{db} exists already",
                why="a store holds one run",
                fix=f"`tilework resume {db.parent.name}` goes on with that run",
            )
        return cls._open_writing(db)

    @classmethod
    def open(cls, db: Path, readonly: bool = True) -> RunStore:
        """The store of an existing run, brought up to date first where an older tilework wrote it.

        For writing, a store that is missing is made anew (with an event that records it): the run's checkpoints still
        count. Raises UserError for a missing, damaged or newer store, and for one of another program.
        """
        if not readonly:
            missing = not db.exists()
            store = cls._open_writing(db)
            if missing:
                store.event("store-made-anew", 0, why="run.db was missing")
            return store
        if not db.is_file():
            raise UserError(
                f"run {db.parent.name} has no store",
                why=f"{db} does not exist: the run ended before its first step, or the file was moved away",
                fix=f"`tilework resume {db.parent.name}` begins a new store",
            )
        with store_errors(db):
            connection = connect(db, readonly=True)
            try:
                if store_version(connection, db) < current_version():
                    _migrate_once(db)
            except BaseException:
                connection.close()
                raise
        return cls(db, connection, None)

    @classmethod
    def _open_writing(cls, db: Path) -> RunStore:
        with store_errors(db):
            _migrate_once(db)
            return cls(db, connect(db, readonly=True), Writer(db))

    # Writing

    def log(self, step: int, epoch: float, values: Mapping[str, float], split: str = "train") -> None:
        """Store the values of one moment. Logging a step again replaces what it had. Microseconds: nothing waits for the disk."""
        at = (int(step), float(epoch), time.time())
        numbers = {name: float(value) for name, value in values.items()}
        self._append(lambda batch: _write_row(batch, split, at, numbers))

    def event(self, kind: str, step: int, **payload: Any) -> None:
        """Store that something happened."""
        row = (time.time(), int(step), kind, to_json(payload))
        self._append(lambda b: b.execute("INSERT INTO events (time, step, kind, payload) VALUES (?, ?, ?, ?)", row))

    def finding(self, code: str, severity: str, step: int, **payload: Any) -> None:
        """Store that something is going wrong: a stable code, how bad, and the evidence."""
        row = (time.time(), int(step), code, severity, to_json(payload))
        self._append(
            lambda b: b.execute(
                "INSERT INTO findings (time, step, code, severity, payload) VALUES (?, ?, ?, ?, ?)", row
            )
        )

    def snapshot(self, step: int, epoch: float, kind: str, file: str, **payload: Any) -> None:
        """Name a stored file, relative to the run folder. One per kind and step: a later one replaces it."""
        row = (int(step), float(epoch), kind, str(file), to_json(payload))
        self._append(
            lambda b: b.execute(
                "INSERT OR REPLACE INTO snapshots (step, epoch, kind, file, payload) VALUES (?, ?, ?, ?, ?)", row
            )
        )

    def set_meta(self, key: str, value: Any) -> None:
        """Store one fact about the run (anything that JSON can hold), replacing the old one."""
        row = (key, to_json(value))
        self._append(lambda b: b.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", row))

    def rewind(self, step: int) -> list[str]:
        """Forget what was logged after `step`, in one transaction; for a resume from a checkpoint made at `step`.

        Metrics, findings and named snapshots after it are removed, so that curves go on as if never interrupted. Events stay
        and are marked, applied commands become `undone`. Returns the files of the removed snapshots. Returns when committed.
        """
        files: list[str] = []
        self._append(lambda batch: files.extend(_rewind(batch, int(step))))
        self.flush()
        return list(dict.fromkeys(files))

    # Commands: sent by any process, answered by the one that trains

    def command(self, kind: str, **payload: Any) -> int:
        """Send a command to the training process; its number. Works on a store that was opened for reading."""
        with store_errors(self.db):
            connection = connect(self.db, readonly=False)
            try:
                with transaction(connection):
                    sent = connection.execute(
                        "INSERT INTO commands (time, kind, payload) VALUES (?, ?, ?)",
                        (time.time(), kind, to_json(payload)),
                    ).lastrowid
            finally:
                connection.close()
        assert sent is not None
        return sent

    def commands_pending(self) -> list[Command]:
        """Commands that wait for an answer, in the order in which they were sent."""
        return [c for c in self._commands("WHERE status = 'pending'") if c.id not in self._answered]

    def command_done(self, command: Command | int, step: int, status: str = "applied", **payload: Any) -> None:
        """Answer a command: it took effect (or was refused) just before `step`. `payload` joins the command's."""
        number = command.id if isinstance(command, Command) else command
        row = (status, int(step), to_json(payload), number)
        self._append(
            lambda b: b.execute(
                "UPDATE commands SET status = ?, applied_step = ?, payload = json_patch(payload, ?) WHERE id = ?", row
            )
        )
        self._answered.add(number)

    # Life

    def flush(self) -> None:
        """Return when everything logged so far is in the file. Raises UserError where it cannot be written."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """Flush and let go of the file. Safe to call twice."""
        self._reading.close()
        if self._writer is not None:
            # Last: who lets go last folds SQLite's log back into run.db, so that one file is the whole store.
            self._on_exit.detach()
            self._writer.close()

    def __enter__(self) -> RunStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _append(self, operation: Any) -> None:
        if self._writer is None:
            raise RuntimeError(f"{self.db} was opened for reading")
        self._writer.append(operation)

    def _before_reading(self) -> None:
        if self._writer is not None and not self._writer.idle:
            self._writer.flush()


def _write_row(batch: Batch, split: str, at: tuple[int, float, float], numbers: dict[str, float]) -> None:
    step = at[0]
    batch.execute("INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)", (split, *at))
    batch.executemany(
        "INSERT OR REPLACE INTO metrics VALUES (?, ?, ?)",
        [(batch.series(name, split), step, value) for name, value in numbers.items()],
    )


def _rewind(batch: Batch, step: int) -> list[str]:
    files = [file for (file,) in batch.execute("SELECT file FROM snapshots WHERE step > ?", (step,))]
    for table in ("metrics", "rows", "snapshots", "findings"):
        batch.execute(f"DELETE FROM {table} WHERE step > ?", (step,))
    batch.execute("DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM metrics WHERE series_id = series.id)")
    batch.execute("UPDATE events SET rewound = 1 WHERE step > ?", (step,))
    batch.execute("UPDATE commands SET status = 'undone' WHERE status = 'applied' AND applied_step > ?", (step,))
    batch.forget()
    return files


def _migrate_once(db: Path) -> None:
    connection = connect(db, readonly=False)
    try:
        store_version(connection, db)  # a file that is not ours is refused before anything in it changes
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":  # Without a log of its own nobody could read while the run writes.
            raise cannot_hold_runs(db.parent, "shared memory maps", f"SQLite keeps journal_mode={mode}")
        migrate(connection, db)
    finally:
        connection.close()


def _close_quietly(writer: Writer) -> None:
    with contextlib.suppress(TileworkError):
        writer.close()
