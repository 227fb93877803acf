"""Checkpoints are whole or not there, whatever happens while they are written, and what is damaged damages nothing more."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import children
import pytest
import torch
from tiny_runs import session, tiny

import tilework
from tilework.engine import checkpoint
from tilework.engine.going_on import Stride, goes_on
from tilework.engine.saved_state import capture, read, restore
from tilework.errors import RunFailure, TileworkError, UserError

ABOUT = {"spec": {"name": "x"}}


def save(folder: Path, step: int, *, keep: int = 2, which: str = "last", value: float | None = None) -> Path:
    tensors = {"w": torch.full((4,), float(step if value is None else value))}
    state = {"step": step} if which == "last" else None
    return checkpoint.save(
        folder, step=step, about=ABOUT, model=tensors, average=None, state=state, keep=keep, which=which
    )


def value_of(found: checkpoint.Checkpoint) -> float:
    return float(checkpoint.read_tensors(found.folder / "model.safetensors")["w"][0])


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    final = save(tmp_path, 7)
    found = checkpoint.find(tmp_path)
    assert (found.folder, found.step, found.spec, value_of(found)) == (final, 7, {"name": "x"}, 7.0)
    assert checkpoint.read_state(found) == {"step": 7}
    assert names(tmp_path) == ["last.json", "step-00000007"]


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_old_ones_go_and_the_best_stays(tmp_path: Path, keep: int) -> None:
    for step in range(1, 8):
        if step in {2, 4}:
            save(tmp_path, step, keep=keep, which="best", value=100 + step)
        save(tmp_path, step * 10, keep=keep)
    steps = [f"step-{s * 10:08d}" for s in range(8 - keep, 8)]
    assert names(tmp_path) == sorted(["best-00000004", "best.json", "last.json", *steps])
    assert value_of(checkpoint.find(tmp_path, "best")) == 104
    assert value_of(checkpoint.find(tmp_path)) == 70


def test_steps_are_compared_as_numbers(tmp_path: Path) -> None:
    for step in (99_999_999, 100_000_000, 100_000_001):
        save(tmp_path, step)
    assert names(tmp_path) == ["last.json", "step-100000000", "step-100000001"]


def test_best_falls_to_last_before_the_first_validation(tmp_path: Path) -> None:
    save(tmp_path, 3)
    assert checkpoint.find(tmp_path, "best").step == 3
    with pytest.raises(UserError, match="no checkpoint"):
        checkpoint.find(tmp_path / "absent")


# What can go wrong while one is written -----------------------------------------------------------------------------

# Every place that a writer passes on its way, in order; striking there must leave the older checkpoint in force.
PLACES: list[tuple[str, Callable[[], Any], str]] = [
    ("the weights", lambda: checkpoint, "save_file"),
    ("the state", lambda: torch, "save"),
    ("the description", lambda: checkpoint.json, "dumps"),
    ("the flush", lambda: os, "fsync"),
    ("the rename", lambda: Path, "rename"),
    ("the pointer", lambda: checkpoint, "point"),
]
STRIKES: list[type[BaseException]] = [OSError, RuntimeError, KeyboardInterrupt, MemoryError]


@pytest.mark.parametrize("again", [False, True], ids=["a new step", "the same step"])
@pytest.mark.parametrize("keep", [1, 2])
@pytest.mark.parametrize("strike", STRIKES, ids=lambda s: s.__name__)
@pytest.mark.parametrize(("what", "where", "name"), PLACES, ids=[p[0] for p in PLACES])
def test_a_failure_in_the_middle(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
    where: Callable[[], Any],
    name: str,
    strike: type[BaseException],
    keep: int,
    again: bool,
) -> None:
    save(tmp_path, 1, keep=keep)
    save(tmp_path, 2, keep=keep)
    step = 2 if again else 3

    def failing(*_: object, **__: object) -> None:
        raise strike("struck")

    with monkeypatch.context() as patch:
        patch.setattr(where(), name, failing)
        expected = RunFailure if strike in {OSError, RuntimeError} else strike
        with pytest.raises(expected):
            save(tmp_path, step, keep=keep, value=99)
    found = checkpoint.find(tmp_path)
    assert (found.step, value_of(found)) == (2, 2.0), f"after a failure in {what}"
    assert not list(tmp_path.glob(".writing-*"))
    save(tmp_path, step, keep=keep, value=5)
    assert value_of(checkpoint.find(tmp_path)) == 5
    if keep == 1:
        assert len(list(tmp_path.glob("step-*"))) == 1


@pytest.mark.parametrize("again", [False, True], ids=["a new step", "the same step"])
def test_a_kill_at_any_instant_leaves_a_whole_one(tmp_path: Path, again: bool) -> None:
    """A child process is ended, without any clean-up, at its n-th call to the system, for every n until it gets through."""
    # One child that forks for each instant: torch is imported once.
    script = f"""
import os, sys
from pathlib import Path
import shutil, torch
from tilework.engine import checkpoint
root = Path({str(tmp_path)!r})
watched = {{"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.listdir", "os.scandir", "shutil.rmtree"}}
left = None
def watch(event, arguments):
    global left
    if left is not None and event in watched:
        left -= 1
        if left < 0:
            os._exit(9)
sys.addaudithook(watch)
def write(folder, step, value):
    checkpoint.save(folder, step=step, about={ABOUT!r}, model={{"w": torch.full((4,), float(value))}}, average=None,
                    state={{"step": step}}, keep=1)
for instant in range(200):
    folder = root / str(instant)
    write(folder, 1, 1); write(folder, 2, 2)
    child = os.fork()
    if not child:
        left = instant
        write(folder, {2 if again else 3}, 99)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
        break
else:
    sys.exit("never got through")
"""
    done = children.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    instants = sorted(tmp_path.iterdir(), key=lambda p: int(p.name))
    assert len(instants) > 10
    seen = []
    for folder in instants:
        found = checkpoint.find(folder)
        assert checkpoint.read_state(found)["step"] == found.step
        seen.append(value_of(found))
        save(folder, 4, keep=1)
        assert value_of(checkpoint.find(folder)) == 4
        assert not list(folder.glob(".writing-*"))
    assert set(seen) == {2.0, 99.0}, "the older one until the pointer is moved, then the newer one"
    assert seen == sorted(seen)


# What is found later -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pointer", [None, "", "{", "[]", '{"folder": "step-00000099"}', '{"folder": "../elsewhere"}'])
def test_a_missing_or_damaged_pointer_falls_to_the_newest_whole_one(tmp_path: Path, pointer: str | None) -> None:
    folder = tmp_path / "checkpoints"
    for step in (1, 2, 3):
        save(folder, step, keep=3)
    (folder / "step-00000003" / "model.json").unlink()
    shutil.copytree(folder / "step-00000001", tmp_path / "elsewhere")
    if pointer is None:
        (folder / "last.json").unlink()
    else:
        (folder / "last.json").write_text(pointer)
    assert checkpoint.find(folder).step == 2


def fingerprint(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def damage_state(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    state = torch.load(folder / "state.pt", weights_only=True)
    change(state)
    torch.save(state, folder / "state.pt")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "weights cut short": lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:200]),
    "weights missing": lambda f: (f / "model.safetensors").unlink(),
    "weights empty": lambda f: (f / "model.safetensors").write_bytes(b""),
    "state missing": lambda f: (f / "state.pt").unlink(),
    "state cut short": lambda f: (f / "state.pt").write_bytes((f / "state.pt").read_bytes()[:300]),
    "state of something else": lambda f: torch.save({"x": 1}, f / "state.pt"),
    "state without an entry": lambda f: damage_state(f, lambda s: s.pop("position")),
    "optimiser of another net": lambda f: damage_state(f, lambda s: s["optimizer"]["param_groups"][0]["params"].pop()),
    "averages missing": lambda f: (f / "ema.safetensors").unlink(),
    "averages of another net": lambda f: shutil.copy(f / "model.safetensors", f / "ema.safetensors"),
    "description damaged": lambda f: (f / "model.json").write_text("{"),
    "description of a list": lambda f: (f / "model.json").write_text("[]"),
}


@pytest.fixture(scope="module")
def averaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("averaged")
    return tilework.train(tiny("vq", "engine.ema_decay=0.9"), runs=root).path


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_reported_and_nothing_is_changed(averaged: Path, tmp_path: Path, damage: str) -> None:
    run = tmp_path / "copy"
    shutil.copytree(averaged, run)
    DAMAGES[damage](checkpoint.find(run / "checkpoints").folder)
    before = fingerprint(run / "checkpoints")
    with pytest.raises(TileworkError) as refused:
        tilework.resume(run, "engine.steps=6")
    assert refused.value.why
    assert refused.value.fix
    assert fingerprint(run / "checkpoints") == before
    assert tilework.train(tiny("vq", "engine.steps=1"), runs=tmp_path / "others").path.is_dir()


def test_a_run_that_is_resumed_keeps_the_budget_that_it_was_resumed_with(averaged: Path, tmp_path: Path) -> None:
    """The command that an interrupted resume prints has no overrides: they must have been kept."""
    run = tmp_path / "copy"
    shutil.copytree(averaged, run)
    tilework.resume(run, "engine.steps=8", "engine.stop_after_minutes=1e-9")
    assert checkpoint.find(run / "checkpoints").step == 5
    tilework.resume(run, "engine.stop_after_minutes=null")
    assert checkpoint.find(run / "checkpoints").step == 8


def same(ours: Any, theirs: Any, where: str) -> None:
    """Equal to the last bit, through mappings and lists."""
    assert type(ours) is type(theirs), where
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys(), where
        for key in ours:
            same(ours[key], theirs[key], f"{where}.{key}")
    elif isinstance(ours, (list, tuple)):
        assert len(ours) == len(theirs), where
        for number, pair in enumerate(zip(ours, theirs, strict=True)):
            same(*pair, f"{where}[{number}]")
    elif isinstance(ours, torch.Tensor):
        assert torch.equal(ours, theirs), where
    else:
        assert ours == theirs, where


def test_averages_can_be_switched_on_at_a_resume() -> None:
    run = tilework.train(tiny("vq"))
    tilework.resume(run, "engine.steps=6", "engine.ema_decay=0.9")
    folder = checkpoint.find(run.checkpoints).folder
    fast, slow = (checkpoint.read_tensors(folder / f"{name}.safetensors") for name in ("model", "ema"))
    for name, tensor in slow.items():
        assert (tensor - fast[name]).abs().max() < 0.1, "the average began with the trained weights"


def test_restore_is_whole() -> None:
    """A session restored from a checkpoint has the state of the one that wrote it."""
    run = tilework.train(tiny("vq", "engine.ema_decay=0.9", "encoder.norm=batch"))
    found = checkpoint.find(run.checkpoints)
    fresh = session(tiny("vq", "engine.ema_decay=0.9", "encoder.norm=batch"))
    saved = read(found)
    fresh, note = goes_on(fresh, saved.position, saved.marks, Stride.of(fresh.parts.spec))
    assert note == restore(fresh, saved) == ""
    same(capture(fresh), checkpoint.read_state(found), "state")
    for name, tensor in checkpoint.read_tensors(found.folder / "model.safetensors").items():
        assert torch.equal(fresh.parts.model.state_dict()[name], tensor), name


def test_an_error_in_our_own_code_is_no_damaged_checkpoint(averaged: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """What is wrong with a file is found by looking at it, not by catching whatever goes wrong later."""
    from tilework.engine.tally import Tally

    def mistaken(self: Tally, state: object, device: object) -> None:
        raise AttributeError("a mistake of ours")

    shutil.copytree(averaged, tmp_path / "copy")
    monkeypatch.setattr(Tally, "restore", mistaken)
    with pytest.raises(AttributeError, match="a mistake of ours"):
        tilework.resume(tmp_path / "copy", "engine.steps=6")


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda s: s["position"].update(step="many"), "position.step is a str"),
        (lambda s: s["position"].update(more=1), "position.more is unknown"),
        (lambda s: s["best"].pop("waited"), "best.waited is missing"),
        (lambda s: s.update(ranks=[3]), "ranks.0 is a int"),
        (lambda s: s["ranks"][0].pop("rng"), "ranks.0.rng is missing"),
        (lambda s: s["ranks"][0]["tally"].pop("names"), "ranks.0.tally.names is missing"),
        (lambda s: s.update(plateaus={"lr": {"cuts": 1}}), "plateaus.lr.patience is missing"),
        (lambda s: s.update(steered={"optimizer.lr": "fast"}), "steered.optimizer.lr is a str"),
        (lambda s: s.update(optimizer={}), "optimizer.state is missing"),
        (lambda s: s.update(skipped_in_row=0), "skipped_in_row is a int"),
    ],
)
def test_what_does_not_fit_is_named(averaged: Path, tmp_path: Path, change: Callable[[Any], Any], part: str) -> None:
    shutil.copytree(averaged, tmp_path / "copy")
    damage_state(checkpoint.find(tmp_path / "copy" / "checkpoints").folder, change)
    with pytest.raises(UserError) as refused:
        tilework.resume(tmp_path / "copy", "engine.steps=6")
    assert part in refused.value.why
