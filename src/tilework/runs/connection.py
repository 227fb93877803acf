"""Connections to a run's SQLite file, and the error when one fails."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tilework.errors import UserError
from tilework.runs.atomic import cannot_hold_runs

BUSY_SECONDS = 30.0
_NO_LOCKS = {
    sqlite3.SQLITE_IOERR_LOCK,
    sqlite3.SQLITE_IOERR_RDLOCK,
    sqlite3.SQLITE_IOERR_UNLOCK,
    sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK,
}
_NO_MAPS = {
    sqlite3.SQLITE_IOERR_SHMOPEN,
    sqlite3.SQLITE_IOERR_SHMSIZE,
    sqlite3.SQLITE_IOERR_SHMLOCK,
    sqlite3.SQLITE_IOERR_SHMMAP,
}
"""SQLite's words for a disk that cannot lock, and for one that cannot share memory (its log beside the database needs that)."""


def connect(db: Path, *, readonly: bool) -> sqlite3.Connection:
    """A connection in autocommit mode (transactions are written out). A read-only one never creates or changes anything."""
    connection = sqlite3.connect(
        # Absolute and quoted by as_uri, so that a '?' or '#' in a folder's name is no option.
        f"{db.absolute().as_uri()}?{_mode(db) if readonly else 'mode=rwc'}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    if readonly:
        connection.execute("PRAGMA query_only = ON")
    else:
        # Safe against kills; a power cut may lose the last commits but never the file.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _mode(db: Path) -> str:
    """How to open `db` for reading."""
    if os.access(db, os.W_OK) and os.access(db.parent, os.W_OK):
        # Readers and writer agree through two files beside the database. Who may write removes them when the last one
        # leaves; a connection of mode=ro would litter every run that is ever listed.
        return "mode=rw"
    if db.with_name(db.name + "-wal").exists():
        return "mode=ro"
    # A finished run on a read-only medium: the file is all there is, and nothing changes it.
    return "mode=ro&immutable=1"


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing; takes the write lock at once, so that a reader's snapshot is never upgraded half way."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def store_errors(db: Path) -> Iterator[None]:
    """SQLite's errors inside become UserErrors."""
    try:
        yield
    except sqlite3.Error as error:
        raise explain(error, db) from error


def explain(error: sqlite3.Error, db: Path) -> UserError:
    """A SQLite error about `db` as what, why and fix."""
    run, folder = db.parent.name, db.parent
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    if code in _NO_LOCKS | _NO_MAPS or primary == sqlite3.SQLITE_PROTOCOL:
        return cannot_hold_runs(folder, "shared memory maps" if code in _NO_MAPS else "file locks", str(error))
    if primary in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
        return UserError(
            f"the store of run {run} could not be written or read: {error}",
            why=f"most likely no space is left in {folder}; what was stored before is safe",
            fix=f"free some space on that disk, then `tilework resume {run}`",
        )
    if primary in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH}:
        return UserError(
            f"the store of run {run} cannot be opened: {error}",
            why=f"this user may not write in {folder}, or the file is gone",
            fix="copy the run folder to where you may write, and use the copy",
        )
    if primary in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return UserError(
            f"the store of run {run} is held by another process: {error}",
            why=f"it did not let go within {BUSY_SECONDS:.0f} s",
            fix=f"close the program that has {db.name} open",
        )
    return damaged(db, str(error))


def damaged(db: Path, reason: str) -> UserError:
    """The store cannot be read; what is safe and what to do."""
    run = db.parent.name
    return UserError(
        f"the store of run {run} is damaged: {reason}",
        why=f"{db.name} was changed by another program, or the disk failed; spec.yaml, checkpoints and snapshots are safe, "
        "being files of their own",
        fix=f"move {db} away; `tilework resume {run}` then goes on from its checkpoint and its curves begin anew",
    )
