"""A run that was rolled back is resumed and replayed bit for bit, whenever it was stopped."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from injected import alike, events, fail_loss, infinite, losses, lost_weights, strike, tensors
from tiny_runs import tiny

import tilework
from tilework.engine import checkpoint
from tilework.engine.progress import Plan, Silent, Tick
from tilework.engine.replay import replay
from tilework.errors import RunFailure, UserError
from tilework.runs.folder import RunFolder
from tilework.spec import RunSpec

AT = 62
SPECS = {
    "vq": ("vq", "bottleneck.revival={threshold: 0.5, patience: 3, cooldown: 2}", "encoder.norm=batch"),
    "rq-muon": ("rq", "optimizer.kind=muon", "optimizer.lr=2e-3", "optimizer.accumulate=2"),
    "gaussian": ("gaussian", "optimizer.kind=adamw"),
}
OWN = (
    "engine.steps=95",
    "engine.ema_decay=0.9",
    "engine.save_every_steps=3",
    "engine.nonfinite_steps=2",
    "optimizer.lr=1e-2",
)


class Killed(BaseException):
    """What no handler of the engine catches."""


class Killer(Silent):
    """Ends the process, as far as the run can see, when it logs a step."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.run: RunFolder | None = None

    def started(self, plan: Plan) -> None:
        self.run = plan.run

    def ticked(self, tick: Tick) -> None:
        if tick.step == self.step:
            raise Killed


def killed(spec: RunSpec, runs: Path, steps: list[int]) -> RunFolder:
    """A run that is killed at these steps, goes on from its last checkpoint each time, and then to its end."""
    killer = Killer(steps[0])
    with pytest.raises(Killed):
        tilework.train(spec, runs=runs, progress=killer)
    assert killer.run is not None
    for step in steps[1:]:
        with pytest.raises(Killed):
            tilework.resume(killer.run, progress=Killer(step))
    return tilework.resume(killer.run)


def same(ours: RunFolder, theirs: RunFolder) -> None:
    alike(tensors(ours), tensors(theirs))
    for name in ("loss", "lr"):
        np.testing.assert_array_equal(losses(ours, name), losses(theirs, name))
    for kind in ("rolled-back", "step-skipped"):
        rows = [[(e.step, e.payload) for e in events(run, kind)] for run in (ours, theirs)]
        assert rows[0] == rows[1]


SLOW = pytest.mark.slow


@pytest.mark.parametrize("name", ["vq", pytest.param("rq-muon", marks=SLOW), pytest.param("gaussian", marks=SLOW)])
def test_a_run_that_was_rolled_back_is_resumed_and_replayed_exactly(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """Twice: for lost weights, and later for a stretch of infinite losses."""
    strike(monkeypatch, {AT}, lost_weights)
    fail_loss(monkeypatch, range(AT + 16, AT + 20), infinite)
    spec = tiny(SPECS[name][0], *OWN, *SPECS[name][1:])
    whole = tilework.train(spec, runs=tmp_path / "whole")
    first, second = (event.step for event in events(whole, "rolled-back"))
    assert AT < first < second
    # The checkpoints are those of the fault's own steps, of one before the rollback, after it, and within the second.
    run = killed(spec, tmp_path / "killed", [AT + 2, AT + 3, first + 1, second - 1, second + 1, second + 4])
    same(run, whole)
    again = replay(whole)
    assert again.identical
    same(again.run, whole)


def test_the_replay_of_a_run_that_was_not_saved_ends_where_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_loss(monkeypatch, range(12, 10**6), infinite)
    with pytest.raises(RunFailure):
        tilework.train(tiny("vq", "engine.steps=60", "engine.nonfinite_steps=1", "engine.guard.rollbacks=1"))
    assert replay(RunFolder.find("last")).identical


def test_a_checkpoint_of_before_there_was_a_guard_goes_on(tmp_path: Path) -> None:
    run = tilework.train(tiny("vq", "engine.steps=30"))
    change(run, lambda state: (state.pop("guard"), [rank.pop("unread") for rank in state["ranks"]]))
    again = tilework.resume(run, "engine.steps=60")
    assert len(losses(again)) == 60


def change(run: RunFolder, how: Any) -> None:
    import torch

    folder = checkpoint.find(run.checkpoints).folder
    state = torch.load(folder / "state.pt", weights_only=True)
    how(state)
    torch.save(state, folder / "state.pt")


@pytest.mark.parametrize(
    ("how", "part"),
    [
        (lambda s: s.update(guard=3), "guard is a int"),
        (lambda s: s["guard"].pop("rolled"), "guard.rolled is missing"),
        (lambda s: s["guard"].update(more=1), "guard.more is unknown"),
        (lambda s: s["guard"]["slowdown"].update(low="half"), "guard.slowdown.low is a str"),
        (lambda s: s["guard"]["history"].append(7), "is a int"),
        (lambda s: s["guard"]["history"][0].pop("lr"), "guard.history.0.lr is missing"),
        (lambda s: s["guard"]["good"].update(tensors=[]), "guard.good.tensors is a list"),
        (lambda s: s["guard"]["good"]["tensors"].pop("model.bottleneck.book.codes"), "of another shape"),
        (lambda s: s["guard"]["good"]["tensors"].update({"model.decoder.x": 3}), "model.decoder.x is a int"),
        (lambda s: s["ranks"][0]["unread"].append({"step": 1}), "unread.0.lr is missing"),
    ],
)
def test_what_does_not_fit_is_named(once: Any, tmp_path: Path, how: Any, part: str) -> None:
    def fill(folder: Path) -> None:
        tilework.train(tiny("vq", "engine.steps=48"), runs=folder)

    (source,) = [path for path in once("guarded-run", fill).iterdir() if path.is_dir()]
    shutil.copytree(source, tmp_path / "runs" / source.name)
    run = RunFolder.open(tmp_path / "runs" / source.name)
    change(run, how)
    with pytest.raises(UserError) as refused:
        tilework.resume(run, "engine.steps=50")
    assert part in refused.value.why


def test_the_guard_may_be_switched_off_and_on_at_a_resume() -> None:
    run = tilework.train(tiny("vq", "engine.steps=45"))
    off = tilework.resume(run, "engine.steps=60", "engine.guard.enabled=false")
    assert len(losses(off)) == 60
    state = checkpoint.read_state(checkpoint.find(off.checkpoints))
    assert "tensors" not in state["guard"]["good"]
    on = tilework.resume(run, "engine.steps=90", "engine.guard.enabled=true")
    assert checkpoint.read_state(checkpoint.find(on.checkpoints))["guard"]["good"]["step"] >= 60


def test_a_copy_of_the_state_that_is_saved_is_not_written_twice() -> None:
    killer = Killer(22)
    with pytest.raises(Killed):
        tilework.train(tiny("vq", "engine.steps=60", "engine.save_every_steps=20"), progress=killer)
    assert killer.run is not None
    assert checkpoint.read_state(checkpoint.find(killer.run.checkpoints))["guard"]["trial"] == {"step": 20}
    tilework.resume(killer.run, "engine.steps=35")
    assert checkpoint.read_state(checkpoint.find(killer.run.checkpoints))["guard"]["good"]["step"] == 20


def test_averages_that_are_switched_on_begin_with_the_weights_of_the_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    run = tilework.train(tiny("vq", "engine.steps=45", "optimizer.lr=1e-2"))
    with monkeypatch.context() as patch:
        fail_loss(patch, range(47, 50), infinite)
        tilework.resume(run, "engine.steps=52", "engine.ema_decay=0.9", "engine.nonfinite_steps=2")
    (event,) = events(run, "rolled-back")
    assert event.payload["back_to"] < 45
    assert losses(run)[-1] < losses(run)[5]
