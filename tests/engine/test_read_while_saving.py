"""A run that saves often replaces its checkpoints under whoever reads them: readers follow the pointer."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny_runs import tiny

import tilework
from tilework.engine import checkpoint
from tilework.errors import UserError
from tilework.runs.checkpoints import in_force, numbered, point, pointed, saved
from tilework.runs.folder import RunFolder
from tilework.runs.lock import RunLock

Trained = Callable[[], RunFolder]


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return tilework.train(tiny("vq", "engine.ema_decay=0.9", "engine.keep_checkpoints=1"), runs=tmp_path)


def replaced(run: RunFolder, which: str = "last") -> Path:
    """What a trainer does at its next checkpoint: the same weights under a new name, and the old folder goes."""
    old = pointed(run.checkpoints, which)
    assert old is not None
    new = old.with_name(f"{old.name.split('-')[0]}-{int(old.name.split('-')[1]) + 1:08d}")
    shutil.copytree(old, new)
    point(run.checkpoints, which, new)
    shutil.rmtree(old)
    return new


def once(
    monkeypatch: pytest.MonkeyPatch, where: str, action: Callable[[], object], *, after: bool = False
) -> list[int]:
    """`action` happens at the first call of a function, before it or behind it."""
    module, _, name = where.rpartition(".")
    original, calls = getattr(__import__(module, fromlist=[name]), name), []

    def called(*given: object, **named: object) -> object:
        calls.append(1)
        if len(calls) == 1 and not after:
            action()
        result = original(*given, **named)
        if len(calls) == 1 and after:
            action()
        return result

    monkeypatch.setattr(where, called)
    return calls


@pytest.mark.parametrize("which", ["last", "best"])
@pytest.mark.parametrize("where", ["tilework.engine.checkpoint.open_folder", "tilework.engine.checkpoint.read_tensors"])
def test_weights_that_are_replaced_while_they_are_read_are_read_again(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch, which: str, where: str
) -> None:
    expected = tilework.load(run, which=which).network.state_dict()
    calls = once(monkeypatch, where, lambda: replaced(run, which))
    found = tilework.load(run, which=which).network.state_dict()
    assert len(calls) > 1
    assert all(torch.equal(tensor, expected[name]) for name, tensor in found.items())


def test_averages_that_vanish_between_two_files_are_not_left_out(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = tilework.load(run, which="last").network.state_dict()
    once(monkeypatch, "tilework.engine.checkpoint.read_tensors", lambda: replaced(run), after=True)
    found = tilework.load(run, which="last").network.state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in found.items())


@pytest.mark.parametrize("which", ["last", "best"])
def test_a_pointer_that_is_outrun_is_read_again(run: RunFolder, monkeypatch: pytest.MonkeyPatch, which: str) -> None:
    once(monkeypatch, "tilework.runs.checkpoints.pointed", lambda: replaced(run, which), after=True)
    found = in_force(run.checkpoints, which)
    assert found is not None
    assert found.name.startswith("best" if which == "best" else "step"), "never the last weights for the best"
    assert found.is_dir()


def test_what_show_prints_of_the_weights_does_not_come_and_go(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved(run.checkpoints, "best")
    assert before is not None
    once(monkeypatch, "tilework.runs.checkpoints.pointed", lambda: replaced(run, "best"), after=True)
    found = saved(run.checkpoints, "best")
    assert found is not None
    assert found[0] != before[0]
    assert found[1] == before[1]


def test_a_damaged_checkpoint_is_still_reported_at_once(run: RunFolder) -> None:
    (numbered(run.checkpoints)[-1][1] / "model.json").write_text("{")
    with pytest.raises(UserError, match="is not a checkpoint"):
        checkpoint.find(run.checkpoints)


def test_a_run_that_began_while_resume_looked_is_being_trained_and_not_damaged(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another resume takes the lock behind the first look, and replaces the checkpoint before the second."""
    other = RunLock(run)
    shutil.copytree(run.path, run.path.with_name("copy"))

    def begins() -> None:
        other.acquire()
        shutil.rmtree(run.checkpoints)
        run.checkpoints.mkdir()

    once(monkeypatch, "tilework.engine.checkpoint.in_force", begins)
    try:
        with pytest.raises(UserError, match=r"is being trained by process \d+"):
            tilework.resume(run, "engine.steps=8")
    finally:
        other.release()
