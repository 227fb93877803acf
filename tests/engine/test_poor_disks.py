"""Disks without file locks or memory maps: what is missing is reported, where, and what to set; no empty run is left
over."""

from __future__ import annotations

import errno
import mmap
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from tiny_runs import session, tiny

import tilework
from tilework.engine import checkpoint
from tilework.errors import UserError
from tilework.runs import live
from tilework.runs.connection import explain

fcntl = pytest.importorskip("fcntl")
LOCKLESS = [errno.ENOTSUP, errno.ENOLCK, errno.EINVAL]


def failing(original: Callable[..., Any], code: int, where: Callable[..., bool]) -> Callable[..., Any]:
    def call(*given: Any, **named: Any) -> Any:
        if where(*given, **named):
            raise OSError(code, os.strerror(code))
        return original(*given, **named)

    return call


def refused(runs: Path) -> UserError:
    with pytest.raises(UserError) as caught:
        tilework.train(tiny("vq"), runs=runs)
    assert not list(runs.glob("*")), "no run is left over, and nothing else"
    return caught.value


@pytest.mark.parametrize("code", LOCKLESS)
def test_runs_on_a_disk_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    session(tiny("vq"))  # the cache is elsewhere, and knows locks
    monkeypatch.setattr(fcntl, "flock", failing(fcntl.flock, code, lambda file, how: how & fcntl.LOCK_EX))
    error = refused(tmp_path / "runs")
    assert str(tmp_path / "runs") in error.what
    assert "no file locks" in error.what
    assert os.strerror(code) in error.why
    assert "TILEWORK_RUNS" in error.fix


def test_a_run_that_somebody_trains_is_no_disk_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session(tiny("vq"))
    taken = failing(fcntl.flock, errno.EWOULDBLOCK, lambda file, how: how & fcntl.LOCK_EX)
    monkeypatch.setattr(fcntl, "flock", taken)
    assert "is being trained by" in refused(tmp_path / "runs").what


@pytest.mark.parametrize("code", [errno.ENODEV, errno.EINVAL])
def test_runs_on_a_disk_without_shared_maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr(mmap, "mmap", failing(mmap.mmap, code, lambda file, size, **how: size == live._SIZE))
    error = refused(tmp_path / "runs")
    assert "no shared memory maps" in error.what
    assert "TILEWORK_RUNS" in error.fix


@pytest.mark.parametrize(
    ("code", "lacking"),
    [
        (sqlite3.SQLITE_IOERR_SHMMAP, "shared memory maps"),
        (sqlite3.SQLITE_IOERR_LOCK, "file locks"),
        (None, "memory maps"),
    ],
)
def test_sqlite_on_such_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int | None, lacking: str) -> None:
    """With an error, or by staying with another journal mode with no error."""

    class Poor(sqlite3.Connection):
        def execute(self, query: str, *values: Any) -> Any:
            if "journal_mode = WAL" not in query:
                return super().execute(query, *values)
            if code is None:
                return super().execute("SELECT 'delete'")
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = code
            raise error

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **named: connect(*given, factory=Poor, **named))
    refusal = refused(tmp_path / "runs")
    assert str(tmp_path / "runs") in refusal.what
    assert lacking in refusal.what
    assert "TILEWORK_RUNS" in refusal.fix


def test_a_full_disk_is_still_a_full_disk(tmp_path: Path) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
    assert "no space" in explain(error, tmp_path / "run" / "run.db").why


@pytest.mark.parametrize("code", LOCKLESS)
def test_the_cache_on_a_disk_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setenv("TILEWORK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(fcntl, "flock", failing(fcntl.flock, code, lambda *given: True))
    error = refused(tmp_path / "runs")
    assert str(tmp_path / "cache") in error.what
    assert "no file locks" in error.what
    assert "TILEWORK_CACHE" in error.fix


def test_the_cache_on_a_disk_without_maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Private maps are enough; where there are none, the store is not called damaged and made again and again."""
    monkeypatch.setenv("TILEWORK_CACHE", str(tmp_path / "cache"))
    original = mmap.mmap
    shared = failing(
        original, errno.ENODEV, lambda *given, access=mmap.ACCESS_WRITE, **more: access != mmap.ACCESS_COPY
    )
    monkeypatch.setattr(mmap, "mmap", shared)
    session(tiny("vq"))
    monkeypatch.setattr(mmap, "mmap", failing(original, errno.ENODEV, lambda *given, **named: True))
    error = refused(tmp_path / "runs")
    assert str(tmp_path / "cache") in error.what
    assert "no memory maps" in error.what
    assert "TILEWORK_CACHE" in error.fix


def test_weights_are_read_where_no_file_can_be_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tilework.train(tiny("vq"), runs=tmp_path)
    expected = tilework.load(run).network.state_dict()

    def without_maps(path: Path) -> None:
        raise SafetensorError("Error while mapping: No such device (os error 19)")

    monkeypatch.setattr(checkpoint, "load_file", without_maps)
    found = tilework.load(run).network.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in found.items())
