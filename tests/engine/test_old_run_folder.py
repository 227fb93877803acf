"""A run folder that tilework wrote before there were tasks: it opens, shows, goes on, replays and reports."""

from __future__ import annotations

import json
import shutil
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import Outcome
from conforming import frame_faults

import tilework as api
from tilework.runs.folder import RunFolder
from tilework.runs.frames import unpack
from tilework.runs.status import RunStatus, run_info
from tilework.runs.stop_reason import StopReason, stop_reason, stop_text
from tilework.runs.store import RunStore

Command = Callable[..., Outcome]
KEPT = Path(__file__).parent / "runs" / "written-before-tasks.zip"


@pytest.fixture
def old(tmp_path: Path) -> RunFolder:
    """Stopped by hand at step 8 of 12, with a weight that was set at step 4."""
    with zipfile.ZipFile(KEPT) as archive:
        archive.extractall(tmp_path / "runs")
    return RunFolder.find("last")


def test_it_opens_and_is_shown(old: RunFolder, tilework: Command) -> None:
    info = run_info(old.path)
    assert (info.status, info.step, info.total_steps, info.problem) == (RunStatus.STOPPED, 8, 12, "")
    shown = tilework("show", old.path)
    assert shown.code == 0, shown.err
    assert "stopped: asked to stop" in shown.out
    assert "PSNR" in shown.out
    assert old.id in tilework("runs").out


def test_its_history_is_read_as_one_of_today(old: RunFolder) -> None:
    kept = sorted(old.snapshots.glob("live-*.frame"))
    assert len(kept) == 9
    for file in kept:
        header, arrays = unpack(zlib.decompress(file.read_bytes()))
        assert list(frame_faults(header, arrays)) == []


def test_it_is_loaded(old: RunFolder) -> None:
    model = api.load(old)
    images = torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    codes = model.codes(images)
    assert codes.shape == (3, 2, 1, 1)
    assert torch.equal(model.decode(codes), model.decode(model.encode(images)))


def test_it_goes_on_as_the_run_that_it_was(old: RunFolder, tilework: Command) -> None:
    before = json.loads((old.checkpoints / "last.json").read_text())["folder"]
    assert "seed" in old.spec_file.read_text()
    done = tilework("resume", old.path)
    assert done.code == 0, done.err
    assert "finished after 12 steps" in done.out
    with RunStore.open(old.db) as store:
        steps, loss = store.metrics("loss")
        weight = dict(zip(*store.metrics("weight.commitment"), strict=True))
        events = [(e.kind, stop_reason(e.payload)) for e in store.events() if e.kind in {"stopped", "finished"}]
    assert list(steps) == list(range(1, 13))
    assert np.isfinite(loss).all()
    assert weight[9] == 0.5, "what was set by hand is still set"
    assert events == [("stopped", None), ("finished", StopReason.ALL_STEPS)]
    assert json.loads((old.checkpoints / "last.json").read_text())["folder"] != before


def test_its_window_of_code_usage_goes_on_too(old: RunFolder) -> None:
    """The first row after the resume counts the steps before it, which only the checkpoint knows."""
    api.resume(old, "engine.steps=9")
    with RunStore.open(old.db) as store:
        used = dict(zip(*store.metrics("used.1"), strict=True))
    assert used[9] >= used[8] - 1


def test_it_is_replayed_and_reported(old: RunFolder, tilework: Command) -> None:
    """On another processor its numbers may differ; that it can be repeated, and is compared, may not."""
    replayed = tilework("replay", old.path)
    assert replayed.code in {0, 1}, replayed.err
    compared = {0: "Replayed 8 steps with 1 intervention", 1: "is not the same"}[replayed.code]
    assert compared in replayed.out + replayed.err
    done = tilework("report", old.path)
    assert done.code == 0, done.err
    page = (old.path / "report.html").read_text(encoding="utf-8")
    assert "PSNR" in page


def test_a_run_of_a_later_version_is_refused_and_stays_as_it_is(old: RunFolder, tilework: Command) -> None:
    about = old.checkpoints / json.loads((old.checkpoints / "last.json").read_text())["folder"] / "model.json"
    raw = json.loads(about.read_text())
    about.write_text(json.dumps({**raw, "format": 99}))
    before = {p: p.read_bytes() for p in old.path.rglob("*") if p.is_file() and "run.db" not in p.name}
    done = tilework("resume", old.path)
    assert done.code == 2
    assert "format 99" in done.err
    assert "Traceback" not in done.err
    assert {p: p.read_bytes() for p in old.path.rglob("*") if p.is_file() and "run.db" not in p.name} == before
    info = json.loads(old.info_file.read_text())
    old.info_file.write_text(json.dumps({**info, "format": 99}))
    for command in ("resume", "report", "replay", "show"):
        done = tilework(command, old.path)
        assert done.code == 2, command
        assert "Traceback" not in done.err


def test_a_run_of_a_task_that_is_not_here_is_refused(old: RunFolder, tilework: Command) -> None:
    """Written by a tilework that has a task more."""
    text = old.spec_file.read_text(encoding="utf-8")
    old.spec_file.write_text(f"{text}task: clairvoyance\n", encoding="utf-8")
    done = tilework("resume", old.path)
    assert done.code == 2
    assert "there is no task 'clairvoyance'" in done.err
    shutil.rmtree(old.path)


def test_a_sentence_of_an_older_tilework_is_shown_as_it_is() -> None:
    assert stop_text({"reason": "Ctrl-C"}) == "Ctrl-C"
    assert stop_text({"stop": "all-steps", "steps": 1200}) == "all 1,200 steps are done"
    assert stop_text({"stop": "a reason of a later tilework"}) == ""
    assert stop_reason({"stop": "early-stopping"}) is StopReason.EARLY_STOPPING
    assert [one for one in StopReason if one.finished] == [StopReason.ALL_STEPS, StopReason.EARLY_STOPPING]
    assert all(stop_text({"stop": one, "steps": 3}) for one in StopReason)


def test_a_run_whose_store_is_gone_goes_on_with_a_new_one(old: RunFolder, tilework: Command) -> None:
    """As the message about a missing store promises."""
    for file in old.path.glob("run.db*"):
        file.unlink()
    assert "resume" in tilework("report", old.path).err
    done = tilework("resume", old.path)
    assert done.code == 0, done.err
    with RunStore.open(old.db) as store:
        assert list(store.metrics("loss")[0]) == [9, 10, 11, 12]


def test_a_budget_that_is_spent_is_refused_and_not_kept(old: RunFolder, tilework: Command) -> None:
    before = old.spec_file.read_bytes()
    done = tilework("resume", old.path, "engine.steps=5")
    assert done.code == 2
    assert "has trained 8 steps" in done.err
    assert "engine.steps=16" in done.err
    assert old.spec_file.read_bytes() == before


def test_a_step_that_is_no_number_is_a_damaged_checkpoint(old: RunFolder, tilework: Command) -> None:
    about = old.checkpoints / json.loads((old.checkpoints / "last.json").read_text())["folder"] / "model.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "step": "forty"}))
    done = tilework("resume", old.path)
    assert done.code == 2
    assert "is not a checkpoint" in done.err


def test_a_run_that_is_trained_is_refused_before_its_checkpoint_is_read(
    old: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever trains it removes old checkpoints meanwhile: what this process has found may be gone when it is read."""
    from tilework.engine import checkpoint
    from tilework.errors import UserError
    from tilework.runs.lock import RunLock

    def never(*_: object) -> None:
        raise AssertionError("a checkpoint was looked for")

    with RunLock(old), monkeypatch.context() as patch:
        patch.setattr(checkpoint, "find", never)
        with pytest.raises(UserError, match="is being trained by"):
            api.resume(old)
    assert api.resume(old).id == old.id
