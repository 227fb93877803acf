"""The tables of a run's store. To change them add a migration at the end; never edit one that has been released."""

from __future__ import annotations

import sqlite3

from tilework.runs.migrations import migration


def _all(connection: sqlite3.Connection, *statements: str) -> None:
    for statement in statements:  # executescript would commit the transaction first
        connection.execute(statement)


@migration(1)
def curves(connection: sqlite3.Connection) -> None:
    """Facts about the run, and its metrics: one row per series and step, clustered so that one curve is one scan.

    A NaN is stored as NULL, which is what SQLite makes of it, and NULL is read as NaN; nothing else is ever NULL there.
    Infinities are stored as they are; a negative zero loses its sign.
    """
    _all(
        connection,
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        "CREATE TABLE series (id INTEGER PRIMARY KEY, name TEXT NOT NULL, split TEXT NOT NULL, UNIQUE (name, split))",
        "CREATE TABLE metrics (series_id INTEGER NOT NULL REFERENCES series (id), step INTEGER NOT NULL, value REAL,"
        " PRIMARY KEY (series_id, step)) WITHOUT ROWID",
        "CREATE TABLE rows (split TEXT NOT NULL, step INTEGER NOT NULL, epoch REAL NOT NULL, time REAL NOT NULL,"
        " PRIMARY KEY (split, step)) WITHOUT ROWID",
    )


@migration(2)
def journal(connection: sqlite3.Connection) -> None:
    """What happened, what was asked for, what was found, and which images were stored."""
    _all(
        connection,
        "CREATE TABLE events (id INTEGER PRIMARY KEY, time REAL NOT NULL, step INTEGER NOT NULL, kind TEXT NOT NULL,"
        " payload TEXT NOT NULL, rewound INTEGER NOT NULL DEFAULT 0)",
        "CREATE TABLE commands (id INTEGER PRIMARY KEY, time REAL NOT NULL, kind TEXT NOT NULL, payload TEXT NOT NULL,"
        " status TEXT NOT NULL DEFAULT 'pending', applied_step INTEGER)",
        "CREATE INDEX commands_waiting ON commands (id) WHERE status = 'pending'",
        "CREATE TABLE findings (id INTEGER PRIMARY KEY, time REAL NOT NULL, step INTEGER NOT NULL, code TEXT NOT NULL,"
        " severity TEXT NOT NULL, payload TEXT NOT NULL)",
        "CREATE TABLE snapshots (id INTEGER PRIMARY KEY, step INTEGER NOT NULL, epoch REAL NOT NULL, kind TEXT NOT NULL,"
        " file TEXT NOT NULL, payload TEXT NOT NULL, UNIQUE (kind, step))",
    )
