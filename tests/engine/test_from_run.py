"""A new run that goes out from another: its spec, its weights, and the fix of one of its findings."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_prior
import torch
from commands import Outcome
from doctor_examples import Scripted, only
from safetensors.torch import load_file, save_file
from test_steering import Hand, same
from tiny_runs import tiny

import tilework
from tilework.doctor.finding import Fix, Missing
from tilework.engine import checkpoint, resume, train
from tilework.engine.applying import spec_from
from tilework.engine.findings import Probes
from tilework.engine.progress import Silent
from tilework.engine.replay import replay
from tilework.errors import UserError
from tilework.runs.folder import RunFolder, default_root, run_names
from tilework.runs.lock import RunLock
from tilework.runs.store import RunStore
from tilework.spec import load_spec

Command = Callable[..., Outcome]
Once = Callable[[str, Callable[[Path], object]], Path]
SLOWER = Fix({"optimizer.lr": 1e-4})
ANEW = Fix({"bottleneck.codes": 4}, keep_weights=False)


class Lines(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def parent(once: Once) -> RunFolder:
    """A run that keeps averaged weights, in the test's own folder of runs."""
    made = once("from-run-parent", lambda folder: train(tiny("vq", "engine.ema_decay=0.5"), root=folder))
    shutil.copytree(made, default_root())
    return RunFolder.find("last")


def first_weights(run: RunFolder) -> dict[str, torch.Tensor]:
    """Those that it had before its first step."""
    return load_file(run.checkpoints / "step-00000000" / "model.safetensors")


def kept_weights(run: RunFolder, which: str = "best") -> dict[str, torch.Tensor]:
    folder = checkpoint.find(run.checkpoints, which).folder
    return load_file(folder / "model.safetensors") | load_file(folder / "ema.safetensors")


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(tensor, b[name]) for name, tensor in a.items())


def refused(tilework: Command, *arguments: object) -> str:
    """What a command that is refused prints: one message, exit code 2, nothing written."""
    before = {name: sorted(p.name for p in (default_root() / name).rglob("*")) for name in run_names(default_root())}
    done = tilework("train", *arguments)
    assert done.code == 2, (done.out, done.err)
    assert done.err.count("error: ") == 1
    assert "Traceback" not in done.err
    now = {name: sorted(p.name for p in (default_root() / name).rglob("*")) for name in run_names(default_root())}
    assert now == before
    return done.err


# Weights ----------------------------------------------------------------------------------------------------------------


def test_it_starts_with_the_averaged_weights_of_the_best_checkpoint(parent: RunFolder) -> None:
    progress = Lines()
    run = tilework.train("engine.steps=1", from_run="last", progress=progress)
    best = checkpoint.find(parent.checkpoints, "best").step
    assert equal(first_weights(run), kept_weights(parent))
    slow = load_file(run.checkpoints / "step-00000000" / "ema.safetensors")
    assert all(torch.equal(tensor, first_weights(run)[name]) for name, tensor in slow.items())
    assert f"starts with the weights of {parent.id} at step {best}" in progress.lines
    written = load_spec(str(run.spec_file)).from_run
    assert written is not None
    assert (written.run, written.checkpoint, written.weights, written.fix) == (parent.id, str(best), True, "")
    with RunStore.open(run.db) as store:
        assert store.get_meta("from_run") == written.model_dump(mode="json")
        assert store.events("codes-started") == [], "its codes have their places"


def test_another_checkpoint_may_be_named(parent: RunFolder) -> None:
    run = tilework.train("engine.steps=1", "from_run.checkpoint=last", from_run=parent)
    assert equal(first_weights(run), kept_weights(parent, "last"))


def test_fresh_starts_anew(parent: RunFolder) -> None:
    progress = Lines()
    run = tilework.train("engine.steps=1", from_run=parent, fresh=True, progress=progress)
    new = tilework.train(tiny("vq", "engine.ema_decay=0.5", "engine.steps=1"))
    assert equal(first_weights(run), first_weights(new))
    assert any(line.startswith(f"starts anew, with the spec of {parent.id}") for line in progress.lines)
    written = load_spec(str(run.spec_file)).from_run
    assert written is not None
    assert (written.run, written.weights) == (parent.id, False)


def test_it_is_resumed_without_its_parent_and_replayed_bit_for_bit_with_it(parent: RunFolder, tmp_path: Path) -> None:
    run = tilework.train("engine.steps=3", from_run=parent)
    assert replay(run).identical
    assert replay(run, root=tmp_path / "elsewhere").identical
    whole = tilework.train("engine.steps=6", from_run=parent)
    shutil.rmtree(parent.path)
    resume(run, overrides=("engine.steps=6",))
    assert same(run, whole)
    with pytest.raises(UserError, match="whose weights this one starts with, is not there"):
        replay(run)


def test_its_spec_alone_is_the_same_run_again(parent: RunFolder) -> None:
    run = tilework.train("engine.steps=3", from_run=parent)
    assert same(run, tilework.train(str(run.spec_file)))


def test_a_reset_of_it_begins_with_weights_of_its_own(parent: RunFolder) -> None:
    run = tilework.train("engine.steps=4", from_run=parent, progress=Hand({2: [("reset", {})]}))
    assert load_spec(str(run.spec_file)).from_run is None
    with RunStore.open(run.db) as store:
        assert store.events("codes-started")


def test_a_prior_too(tmp_path: Path) -> None:
    own = tiny_prior.parent(default_root())
    prior = train(tiny_prior.prior(parent="last"), root=default_root())
    run = tilework.train("engine.steps=1", from_run=prior)
    best = checkpoint.find(prior.checkpoints, "best").folder
    assert equal(first_weights(run), load_file(best / "model.safetensors"))
    spec = load_spec(str(run.spec_file))
    assert (spec.from_run and spec.from_run.run, getattr(spec, "parent", "")) == (prior.id, own.id)


def test_a_run_elsewhere_gives_a_run_beside_it(tmp_path: Path, once: Once) -> None:
    made = once("from-run-parent", lambda folder: train(tiny("vq", "engine.ema_decay=0.5"), root=folder))
    shutil.copytree(made, tmp_path / "there")
    there = RunFolder.find("last", tmp_path / "there")
    run = tilework.train("engine.steps=1", from_run=str(there.path))
    assert run.path.parent == there.path.parent
    run = tilework.train("engine.steps=1", from_run=there, runs=tmp_path / "here")
    written = load_spec(str(run.spec_file)).from_run
    assert written is not None
    assert written.run == str(there.path)


def test_weights_that_do_not_fit_or_are_not_finite_are_one_message(tilework: Command, parent: RunFolder) -> None:
    message = refused(tilework, "--from", parent.id, "bottleneck.codes=16")
    assert f"the weights of {parent.id} do not fit this spec" in message
    assert "bottleneck" in message
    assert "--fresh" in message
    done = tilework("train", "--from", parent.id, "bottleneck.codes=16", "--fresh", "engine.steps=1")
    assert done.code == 0, done.err
    for file in parent.checkpoints.glob("*/ema.safetensors"):
        tensors = load_file(file)
        next(iter(tensors.values())).view(-1)[0] = float("nan")
        save_file(tensors, file)
    assert "are not finite" in refused(tilework, "--from", parent.id)


def test_what_is_typed_wrongly_is_one_message(tilework: Command, parent: RunFolder) -> None:
    assert "was given --from last and 'rqvae-digits'" in refused(tilework, "rqvae-digits", "--from", "last")
    assert "there is no run 'none'" in refused(tilework, "--from", "none")
    assert "--apply without --from" in refused(tilework, "rqvae-digits", "--apply", "overfitting")
    assert "--fresh without --from" in refused(tilework, "rqvae-digits", "--fresh")
    assert "--apply 2 times" in refused(tilework, "--from", "last", "--apply", "a", "--apply", "b")
    assert "engine.stepz" in refused(tilework, "--from", "last", "engine.stepz=3")
    for given in ({"apply": "x"}, {"fresh": True}):
        with pytest.raises(UserError, match="without from_run"):
            tilework_train("rqvae-digits", **given)
    with pytest.raises(UserError, match="something else to train"):
        tilework_train("rqvae-digits", from_run="last")


def tilework_train(*words: str, **more: object) -> RunFolder:
    return tilework.train(*words, **more)  # type: ignore[arg-type]


# Fixes ------------------------------------------------------------------------------------------------------------------


def test_the_fix_of_a_finding_is_applied_with_the_weights(
    tilework: Command, parent: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, grey=Scripted({0: 1.0}, SLOWER))
    done = tilework("train", "--from", parent.id, "--apply", "grey", "engine.steps=1", "engine.ema_decay=0.25")
    assert done.code == 0, done.err
    run = RunFolder.find("last")
    spec = load_spec(str(run.spec_file))
    assert (spec.optimizer.lr.bounds, spec.engine.ema_decay) == ((1e-4, 1e-4), 0.25)
    assert spec.from_run is not None
    assert (spec.from_run.run, spec.from_run.fix) == (parent.id, "grey")
    assert equal(first_weights(run), kept_weights(parent))
    assert f"starts with the weights of {parent.id}" in done.out


def test_a_fix_that_does_not_keep_the_weights_starts_anew_and_reports_it(
    tilework: Command, parent: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, grey=Scripted({0: 1.0}, ANEW))
    done = tilework("train", "--from", parent.id, "--apply", "grey", "engine.steps=1")
    assert done.code == 0, done.err
    assert f"starts anew, with the spec of {parent.id}" in done.out
    spec = load_spec(str(RunFolder.find("last").spec_file))
    assert spec.from_run is not None
    assert not spec.from_run.weights
    assert spec.bottleneck.codes == 4  # type: ignore[attr-defined]


def test_twice_is_one_message_unless_something_else_is_different(
    tilework: Command, parent: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, grey=Scripted({0: 1.0}, SLOWER))
    words = ("--from", parent.id, "--apply", "grey", "engine.steps=1")
    assert tilework("train", *words).code == 0
    made = RunFolder.find("last")
    message = refused(tilework, *words)
    assert f"the fix of grey was applied to {parent.id} already: run {made.id}" in message
    assert tilework("train", *words, "seed=1").code == 0
    shutil.rmtree(made.path)
    assert tilework("train", *words).code == 0, "who deleted that run may make it again"
    message = refused(tilework, "--from", "last", "--apply", "grey")
    assert "is in the spec of" in message, "a fix that changes nothing more"


def test_a_code_that_is_unknown_does_not_hold_or_cannot_be_judged_is_one_message(
    tilework: Command, parent: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = Scripted({0: 1.0}, SLOWER)
    later.follows_from = ("blur",)
    only(
        monkeypatch,
        later=later,
        grey=Scripted({}, SLOWER),
        blur=Scripted({0: 1.0}, SLOWER),
        leak=Scripted({0: Missing.VALIDATION}, SLOWER),
        advice=Scripted({0: 1.0}),
        gone=Scripted({}, SLOWER),
    )
    with RunStore.open(parent.db, readonly=False) as store:
        store.finding("gone", "error", 2, change="found", finding={})
        store.finding("gone", "error", 3, change="gone", finding={})
    words = ("--from", parent.id, "--apply")
    message = refused(tilework, *words, "blurr")
    assert "the doctor has no finding 'blurr'" in message
    assert "did you mean blur?" in message
    message = refused(tilework, *words, "grey")
    assert f"{parent.id} has no finding grey" in message
    assert "blur" in message, "what could be applied"
    message = refused(tilework, *words, "later")
    assert "later follows from blur" in message
    assert "--apply blur" in message
    assert "found at step 2, gone at step 3" in refused(tilework, *words, "gone")
    assert "cannot be judged" in (message := refused(tilework, *words, "leak"))
    assert "no validation yet" in message
    assert "has no fix that could be applied" in refused(tilework, *words, "advice")


def test_a_running_run_is_one_message_and_without_a_fix_its_newest_weights_may_be_taken(
    tilework: Command, parent: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, grey=Scripted({0: 1.0}, SLOWER))
    with RunLock(parent):
        message = refused(tilework, "--from", parent.id, "--apply", "grey")
        assert f"run {parent.id} is being trained by process" in message
        assert tilework("train", "--from", parent.id, "engine.steps=1").code == 0


def test_a_finding_of_probes_is_applied_where_the_run_keeps_none(
    parent: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(monkeypatch, grey=Scripted({0: 0.0}, SLOWER, probes=("grey",)))
    with pytest.raises(UserError, match="cannot be judged"):
        spec_from(parent, apply="grey")
    monkeypatch.setattr("tilework.engine.findings.probes_of_folder", lambda folder: Probes({"grey": {"value": 1.0}}))
    assert spec_from(parent, apply="grey").optimizer.lr.bounds == (1e-4, 1e-4)
