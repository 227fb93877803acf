"""Run folders: made whole or not at all, found by what a person remembers, and refused with a reason."""

from __future__ import annotations

import errno
import json
import os
import random
import re
import sys
import threading
import time
from pathlib import Path

import children
import pytest

from tilework.errors import UserError
from tilework.runs import folder as folder_module
from tilework.runs.folder import RunFolder, default_root, run_names
from tilework.runs.status import list_runs
from tilework.runs.store import RunStore


def test_create_makes_a_whole_folder(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "deep" / "runs", "rqvae-digits", "name: rqvae-digits\n")
    assert re.fullmatch(r"rqvae-digits-[a-z]+-[a-z]+", run.id)
    assert run.spec_file.read_text() == "name: rqvae-digits\n"
    assert run.checkpoints.is_dir()
    assert run.snapshots.is_dir()
    info = json.loads((run.path / "run.json").read_text())
    assert info["format"] == 1
    assert info["name"] == "rqvae-digits"
    assert {"tilework", "created"} < set(info)
    assert [p.name for p in (tmp_path / "deep" / "runs").iterdir()] == [run.id]  # no temporary folder is left


def test_names_neither_use_nor_follow_a_seed(tmp_path: Path) -> None:
    ids = []
    for _ in range(4):
        random.seed(0)
        ids.append(RunFolder.create(tmp_path, "a", "").id)
        assert random.random() == random.Random(0).random()
    assert len(set(ids)) == 4


def test_many_at_once_never_share_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = ["calm-owl", "calm-fox", "calm-elk"]
    monkeypatch.setattr(folder_module, "two_words", lambda: random.SystemRandom().choice(few))
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda k=k: made.append(RunFolder.create(tmp_path, "a", f"n: {k}").id))
        for k in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 12
    assert {(tmp_path / m / "spec.yaml").read_text() for m in made} == {f"n: {k}" for k in range(12)}


def test_a_failed_creation_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(folder_module, "atomic_write_text", full)
    with pytest.raises(UserError, match="no space left") as caught:
        RunFolder.create(tmp_path, "a", "")
    assert str(tmp_path) in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_find_by_path_id_beginning_ending_and_last(tmp_path: Path) -> None:
    for name, age in (("vq-quiet-fox", 30), ("vq-loud-owl", 10), ("rq-brave-elk", 20)):
        run = tmp_path / name
        run.mkdir()
        (run / "run.json").write_text('{"format": 1, "tilework": "0", "created": 0, "name": "vq"}')
        os.utime(run / "run.json", (1e9 - age, 1e9 - age))
    find = lambda text: RunFolder.find(text, tmp_path).id  # noqa: E731
    assert find(str(tmp_path / "vq-quiet-fox")) == "vq-quiet-fox"
    assert find("vq-loud-owl") == "vq-loud-owl"
    assert find("vq-q") == "vq-quiet-fox"
    assert find("brave-elk") == "rq-brave-elk"
    assert find("last") == "vq-loud-owl"
    with pytest.raises(UserError, match="could be 2 runs: vq-loud-owl, vq-quiet-fox"):
        find("vq")
    with pytest.raises(UserError) as caught:
        find("vq-quite-fox")
    assert "did you mean vq-quiet-fox?" in caught.value.fix
    with pytest.raises(UserError, match="no run ''"):
        find("")


def test_last_follows_writing_not_making(tmp_path: Path) -> None:
    first, second = RunFolder.create(tmp_path, "a", ""), RunFolder.create(tmp_path, "b", "")
    os.utime(second.info_file, (1e9, 1e9))
    os.utime(first.info_file, (1e9, 1e9))
    with RunStore.create(first.db) as store:
        store.log(1, 0.1, {"loss": 1.0})
    assert RunFolder.find("last", tmp_path).id == first.id


def test_last_is_what_was_trained_last_not_what_was_copied_last(tmp_path: Path) -> None:
    older, newer = RunFolder.create(tmp_path, "a", ""), RunFolder.create(tmp_path, "b", "")
    for run in (older, newer):
        with RunStore.create(run.db) as store:
            store.log(1, 0.1, {"loss": 1.0})
    later = time.time() + 1000
    for file in (older.info_file, older.db):
        os.utime(file, (later, later))
    assert [run.id for run in list_runs(tmp_path)] == [newer.id, older.id]
    assert RunFolder.find("last", tmp_path).id == newer.id


def test_a_missing_root_names_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no runs"):
        RunFolder.find("last", tmp_path / "none")
    assert run_names(tmp_path / "none") == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"format": 7, "tilework": "9.1"}', "format 7, this tilework reads format 1"),
        ('{"format": 0, "tilework": "0.0.1"}', "made by tilework 0.0.1"),
        ("{", "damaged"),
        ("[]", "damaged"),
        (None, "no run.json"),
    ],
)
def test_folders_that_are_no_run_of_ours(tmp_path: Path, content: str | None, message: str) -> None:
    run = tmp_path / "odd-run"
    run.mkdir()
    if content is not None:
        (run / "run.json").write_text(content)
    for attempt in (lambda: RunFolder.open(run), lambda: RunFolder.find("odd-run", tmp_path)):
        with pytest.raises(UserError, match=message) as caught:
            attempt()
        assert caught.value.fix
        assert caught.value.why


def test_default_root_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TILEWORK_RUNS", raising=False)
    assert default_root() == Path("runs")
    monkeypatch.setenv("TILEWORK_RUNS", "/somewhere")
    assert default_root() == Path("/somewhere")


def test_runs_are_read_without_torch() -> None:
    code = (
        "import sys; sys.modules['torch'] = None; sys.modules['accelerate'] = None; sys.modules['sklearn'] = None\n"
        "import pkgutil, importlib, tilework.runs\n"
        "for m in pkgutil.iter_modules(tilework.runs.__path__): importlib.import_module('tilework.runs.' + m.name)\n"
        "print(len(list(pkgutil.iter_modules(tilework.runs.__path__))))"
    )
    done = children.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) >= 10


def test_a_folder_that_is_no_run_is_reported_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However its path is written: it is there, and it is no run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "runs").mkdir()
    for text in ("other", "./other", "other/", str(tmp_path / "other")):
        with pytest.raises(UserError, match="other is not a run folder") as found:
            RunFolder.find(text, tmp_path / "runs")
        assert found.value.why == "it has no run.json"
    with pytest.raises(UserError, match="nothing is not a run folder"):
        RunFolder.find("./nothing", tmp_path / "runs")
