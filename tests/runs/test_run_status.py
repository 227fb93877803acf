"""The list of runs: every state, while being written, and with broken folders in it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import children
import pytest

from tilework.errors import UserError
from tilework.runs.folder import RunFolder
from tilework.runs.lock import RunLock
from tilework.runs.status import RunStatus, list_runs, run_info, run_status
from tilework.runs.store import RunStore

TRAIN = """
import sys, pathlib, time
from tilework.runs.folder import RunFolder
from tilework.runs.lock import RunLock
from tilework.runs.store import RunStore
run = RunFolder.open(pathlib.Path(sys.argv[1]))
with RunLock(run), RunStore.create(run.db) as store:
    store.set_meta("status", "running"); store.set_meta("total_steps", 1000)
    store.log(10, 0.5, {"mse": 0.1, "psnr": 10.0, "perplexity.1": 12.0}, split="val"); store.flush()
    print("on", flush=True)
    for step in range(11, 10_000_000): store.log(step, step / 20, {"loss": 1.0}); time.sleep(0.0005)
"""


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path, "vq", "name: vq\n")


def test_running_then_killed_then_resumed(run: RunFolder) -> None:
    process = children.start([sys.executable, "-c", TRAIN, str(run.path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    seen = []
    try:
        for _ in range(20):
            info = run_info(run.path)
            assert info.status is RunStatus.RUNNING, info.problem
            seen.append(info.step)
    finally:
        process.kill()
        process.communicate()
    assert seen == sorted(seen)
    shown = {metric.label: values for metric, values in info.headlines}
    assert shown == {"MSE": {"mse": 0.1}, "PSNR": {"psnr": 10.0}, "perplexity": {"perplexity.1": 12.0}}
    assert info.total_steps == 1000
    assert info.name == "vq"
    assert info.seconds > 0
    assert run_info(run.path).status is RunStatus.CRASHED
    assert run_status(run) is RunStatus.CRASHED
    with RunLock(run):
        assert run_status(run) is RunStatus.RUNNING


@pytest.mark.parametrize(
    ("stored", "alive", "status"),
    [
        ("running", True, "running"),
        ("running", False, "crashed"),
        ("paused", True, "paused"),
        ("paused", False, "crashed"),
        ("finished", False, "finished"),
        ("finished", True, "running"),
        ("stopped", False, "stopped"),
        ("stopped", True, "running"),
        (None, True, "running"),
        (None, False, "crashed"),
    ],
)
def test_status_is_what_is_stored_and_whether_it_lives(
    run: RunFolder, stored: str | None, alive: bool, status: str
) -> None:
    with RunStore.create(run.db) as store:
        if stored:
            store.set_meta("status", stored)
    lock = RunLock(run)
    if alive:
        lock.acquire()
    assert run_info(run.path).status == status
    assert run_status(run) == status
    lock.release()


def test_listing_leaves_no_litter_and_works_without_write_permission(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RunStore.create(run.db) as store:
        store.set_meta("status", "finished")
    before = {p: p.read_bytes() for p in run.path.rglob("*") if p.is_file()}
    assert run_info(run.path).status is RunStatus.FINISHED
    assert {p: p.read_bytes() for p in run.path.rglob("*") if p.is_file()} == before
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere, so pretend that it may not
    for folder in (run.path, run.db):
        folder.chmod(0o500)
    try:
        assert run_info(run.path).status is RunStatus.FINISHED
        assert {p: p.read_bytes() for p in run.path.rglob("*") if p.is_file()} == before
    finally:
        run.path.chmod(0o700)


def test_size_time_and_order(tmp_path: Path) -> None:
    old, new = RunFolder.create(tmp_path, "old", ""), RunFolder.create(tmp_path, "new", "")
    os.utime(old.info_file, (1e9, 1e9))
    (new.checkpoints / "model").write_bytes(b"x" * 5000)
    with RunStore.create(new.db) as store:
        store.set_meta("seconds", 12.5)
    first, second = list_runs(tmp_path)
    assert (first.id, second.id) == (new.id, old.id)
    assert first.size_bytes == sum(p.stat().st_size for p in new.path.rglob("*") if p.is_file())
    assert first.seconds == 12.5
    assert second.created is not None
    assert (second.status, second.step) == (RunStatus.CRASHED, 0)
    assert list_runs(tmp_path / "none") == []


def test_time_goes_on_counting_after_a_checkpoint_and_not_while_nothing_trains(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "timed", "")
    with RunStore.create(run.db) as store:
        store.set_meta("seconds", 100.0)
        store.set_meta("seconds_at", time.time() - 30)
        store.log(1, 0.1, {"loss": 1.0})
    (found,) = list_runs(tmp_path)
    assert 129 < found.seconds < 140
    with RunStore.open(run.db, readonly=False) as store:
        store.set_meta("seconds_at", time.time() + 3600)  # resumed later than its newest row
    (found,) = list_runs(tmp_path)
    assert found.seconds == 100.0


def test_broken_folders_are_listed_with_the_reason(tmp_path: Path) -> None:
    def broken(name: str) -> RunFolder:
        made = RunFolder.create(tmp_path, name, "")
        RunStore.create(made.db).close()
        return made

    good = broken("good")
    broken("json").info_file.write_text("{")
    broken("future").info_file.write_text('{"format": 2, "tilework": "9"}')
    broken("lines").info_file.write_text('{"format": 1}')
    broken("binary").info_file.write_bytes(b"\xff\xfe\x00")
    broken("garbage").db.write_bytes(b"garbage" * 999)
    newer = sqlite3.connect(broken("newer").db)
    newer.execute("INSERT INTO migrations VALUES (99, 'future', 0)")
    newer.commit()
    newer.close()
    folder_for_db = broken("folder")
    folder_for_db.db.unlink()
    folder_for_db.db.mkdir()
    odd = broken("odd")
    with sqlite3.connect(odd.db) as connection:
        connection.execute("INSERT INTO meta VALUES ('status', 'not json')")
    connection.close()
    (tmp_path / "a-file").write_text("")
    (tmp_path / "no-run").mkdir()
    (tmp_path / ".new-half").mkdir()

    listed = {info.name or info.id.split("-")[0]: info for info in list_runs(tmp_path)}
    assert listed.pop("good").status is RunStatus.CRASHED
    assert set(listed) == {"json", "future", "lines", "binary", "garbage", "newer", "folder", "odd"}
    for name, info in listed.items():
        assert info.status is RunStatus.UNREADABLE, name
        assert info.problem, name
        assert info.size_bytes > 0, name
    assert "format 2" in listed["future"].problem
    assert "damaged" in listed["garbage"].problem
    assert "version 99" in listed["newer"].problem
    assert listed["newer"].created is not None  # what can be known is
    assert good.path.exists()


def test_a_root_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert list_runs(tmp_path / "file") == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everywhere")
def test_a_root_that_may_not_be_read(tmp_path: Path) -> None:
    tmp_path.chmod(0)
    try:
        with pytest.raises(UserError, match="cannot be listed"):
            list_runs(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_a_copy_is_the_same_run(run: RunFolder, tmp_path: Path) -> None:
    with RunStore.create(run.db) as store:
        store.set_meta("status", "finished")
        store.log(3, 0.1, {"mse": 0.5}, split="val")
        store.flush()
        shutil.copytree(run.path, tmp_path / "copies" / "while-written")
    shutil.copytree(run.path, tmp_path / "copies" / "after")
    for info in list_runs(tmp_path / "copies"):
        assert (info.status, info.val["mse"], info.step) == (RunStatus.FINISHED, 0.5, 3), info
