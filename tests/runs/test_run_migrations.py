"""Stores of older versions become today's; newer ones and those of other programs are left alone."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

import children
import pytest

from tilework.errors import UserError
from tilework.runs import migrations
from tilework.runs.connection import connect
from tilework.runs.migrations import MIGRATIONS, current_version, migrate, migration, store_version
from tilework.runs.store import RunStore


def layout(db: Path) -> list[tuple[str, str]]:
    connection = sqlite3.connect(db)
    try:
        return sorted(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall())
    finally:
        connection.close()


def old_store(db: Path, version: int) -> None:
    connection = connect(db, readonly=False)
    connection.execute("PRAGMA journal_mode = WAL")
    migrate(connection, db, upto=version)
    if version >= 1:
        connection.execute("INSERT INTO series VALUES (1, 'loss', 'train')")
        connection.execute("INSERT INTO metrics VALUES (1, 5, 0.25)")
        connection.execute("INSERT INTO rows VALUES ('train', 5, 0.5, 1.0)")
    connection.close()


@pytest.mark.parametrize("readonly", [True, False])
@pytest.mark.parametrize("version", range(current_version()))
def test_an_older_store_becomes_todays(tmp_path: Path, version: int, readonly: bool) -> None:
    new, old = tmp_path / "new.db", tmp_path / "old.db"
    RunStore.create(new).close()
    old_store(old, version)
    with RunStore.open(old, readonly=readonly) as store:
        assert store.metrics("loss")[1].tolist() == ([0.25] if version else [])
        assert store.events() == []
    assert layout(old) == layout(new)
    connection = sqlite3.connect(old)
    assert [v for (v,) in connection.execute("SELECT version FROM migrations")] == list(range(1, current_version() + 1))
    connection.close()


def test_an_empty_file_is_version_0(tmp_path: Path) -> None:
    db = tmp_path / "run.db"
    db.touch()
    with RunStore.open(db) as store:
        assert store.series() == []


def test_a_migration_that_fails_leaves_the_version_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    db = tmp_path / "run.db"
    RunStore.create(db).close()
    before = layout(db)
    monkeypatch.setattr(migrations, "MIGRATIONS", dict(MIGRATIONS))

    @migration(current_version() + 1)
    def broken(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE half (a)")
        connection.execute("CREATE TABLE half (a)")

    with pytest.raises(UserError):
        RunStore.open(db)
    assert layout(db) == before
    monkeypatch.undo()
    RunStore.open(db).close()


def test_versions_follow_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "MIGRATIONS", dict(MIGRATIONS))
    with pytest.raises(ValueError, match="follows"):
        migration(current_version() + 2)(lambda connection: None)


def test_a_newer_store_is_refused_and_untouched(tmp_path: Path) -> None:
    db = tmp_path / "run.db"
    RunStore.create(db).close()
    connection = sqlite3.connect(db)
    connection.execute("INSERT INTO migrations VALUES (99, 'future', 0)")
    connection.commit()
    connection.close()
    before = db.read_bytes()
    for readonly in (True, False):
        with pytest.raises(UserError, match="version 99") as caught:
            RunStore.open(db, readonly=readonly)
        assert "pip install -U tilework" in caught.value.fix
    assert db.read_bytes() == before


def test_two_processes_migrate_one_store(tmp_path: Path) -> None:
    db = tmp_path / "run.db"
    db.touch()
    code = (
        "import sys, pathlib\nfrom tilework.runs.store import RunStore\n"
        "RunStore.open(pathlib.Path(sys.argv[1]), readonly=False).close()\n"
    )
    both = [children.start([sys.executable, "-c", code, str(db)]) for _ in range(3)]
    assert [p.wait() for p in both] == [0, 0, 0]
    connection = connect(db, readonly=True)
    assert store_version(connection, db) == current_version()
    connection.close()
