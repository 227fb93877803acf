"""How a store gets its tables, and how an older one gets the tables of today.

A migration is a function with a version number. Each runs in one transaction together with the record that it ran, so a
kill leaves a store of one version or the next, never something between.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from tilework.errors import UserError
from tilework.runs.connection import damaged, transaction

# "tlwk" in ASCII, in the header of every store: distinguishes ours from any other SQLite file.
APPLICATION_ID = 0x746C776B

Migration = Callable[[sqlite3.Connection], None]
MIGRATIONS: dict[int, Migration] = {}


def migration(version: int) -> Callable[[Migration], Migration]:
    """Register a function as the step from `version - 1` to `version`."""

    def register(function: Migration) -> Migration:
        if version != len(MIGRATIONS) + 1:
            raise ValueError(f"migration {version} follows migration {len(MIGRATIONS)}")
        MIGRATIONS[version] = function
        return function

    return register


def current_version() -> int:
    """The version that this tilework writes and reads."""
    return len(MIGRATIONS)


def store_version(connection: sqlite3.Connection, db: Path) -> int:
    """Version of an open store; 0 for an empty file. Raises UserError for a database that is not a store or is a newer one."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return 0
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID or "migrations" not in tables:
        raise damaged(db, "it is a database of another program")
    (version,) = connection.execute("SELECT coalesce(max(version), 0) FROM migrations").fetchone()
    if version > current_version():
        raise UserError(
            f"the store of run {db.parent.name} has version {version}, this tilework reads up to {current_version()}",
            why="the run was trained with a newer tilework",
            fix="update tilework: pip install -U tilework",
        )
    return int(version)


def migrate(connection: sqlite3.Connection, db: Path, upto: int | None = None) -> list[int]:
    """Bring an open, writable store up to date; which versions were added. Safe when two processes do it at once."""
    target = current_version() if upto is None else upto
    done: list[int] = []
    while True:
        with transaction(connection):
            # Asked inside the write lock: another process may have migrated since.
            version = store_version(connection, db) + 1
            if version > target:
                return done
            if version == 1:
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(
                    "CREATE TABLE migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, time REAL NOT NULL)"
                )
            step = MIGRATIONS[version]
            step(connection)
            connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", (version, step.__name__, time.time()))
        done.append(version)
