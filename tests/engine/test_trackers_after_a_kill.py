"""A run that ended behind its last checkpoint computes those steps again: every tracker shows each of them once all the same."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from test_trackers import in_csv, in_tensorboard, same, stored
from tiny_runs import tiny

import tilework
from tilework.engine.step import Stepper
from tilework.runs.checkpoints import numbered, point
from tilework.runs.folder import RunFolder

SAVING = ("engine.save_every_steps=4", "engine.keep_checkpoints=3", "engine.batch_size=256", "engine.steps=30")


class Killed(BaseException):
    """Nothing of ours catches it, as nothing catches a kill."""


@pytest.fixture
def dies_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Write a number into the list: that many steps from then on the process dies."""
    left: list[int] = []
    step = Stepper.step

    def counted(self: Stepper, *given: Any) -> Any:
        if left:
            left[0] -= 1
            if left[0] < 0:
                left.clear()
                raise Killed
        return step(self, *given)

    monkeypatch.setattr(Stepper, "step", counted)
    return left


def started(root: Path, dies_at: list[int], trackers: str, steps: int) -> RunFolder:
    dies_at[:] = [steps]
    with pytest.raises(Killed):
        tilework.train(tiny("vq", f"trackers={trackers}", *SAVING), runs=root)
    return RunFolder.find("last", root)


def died_again(run: RunFolder, dies_at: list[int], steps: int) -> None:
    dies_at[:] = [steps]
    with pytest.raises(Killed):
        tilework.resume(run)


def epochs_in_tensorboard(run: RunFolder) -> list[int]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run.path / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    return [event.step for event in events.Scalars("epoch")]


def once_each(run: RunFolder) -> None:
    for curves in (in_csv(run), in_tensorboard(run)):
        for key, rows in curves.items():
            steps = [step for step, _ in rows]
            assert steps == sorted(set(steps)), key
        assert [step for step, _ in curves["train", "loss"]] == list(range(1, 31))
        assert ("val", "psnr") in curves
    same(in_csv(run), stored(run))
    same(in_tensorboard(run), stored(run), rtol=1e-6)
    assert max(Counter(epochs_in_tensorboard(run)).values()) == 1


@pytest.mark.parametrize("kills", [[7], [9, 6, 11], [2, 1]])
def test_tensorboard_and_csv_show_each_step_once_after_kills(
    tmp_path: Path, dies_at: list[int], kills: list[int]
) -> None:
    """Also where the validation of an epoch lies behind the checkpoint, and where the first steps are all that there was."""
    pytest.importorskip("tensorboard")
    run = started(tmp_path, dies_at, "csv,tensorboard", kills[0])
    for steps in kills[1:]:
        died_again(run, dies_at, steps)
    tilework.resume(run)
    once_each(run)


def test_a_resume_from_an_older_checkpoint_too(tmp_path: Path, dies_at: list[int]) -> None:
    pytest.importorskip("tensorboard")
    run = started(tmp_path, dies_at, "csv,tensorboard", 15)
    point(run.checkpoints, "last", numbered(run.checkpoints)[0][1])
    tilework.resume(run)
    once_each(run)


def test_wandb_which_takes_nothing_back_is_sent_each_step_once(
    tmp_path: Path, dies_at: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    from accelerate.tracking import WandBTracker

    sent: list[tuple[int, str]] = []

    def log(self: Any, values: dict[str, float], step: int, **more: Any) -> None:
        sent.extend((step, name) for name, value in values.items() if not math.isnan(value))

    monkeypatch.setattr(WandBTracker, "start", lambda self: None)
    monkeypatch.setattr(WandBTracker, "store_init_configuration", lambda self, values: None)
    monkeypatch.setattr(WandBTracker, "finish", lambda self: None)
    monkeypatch.setattr(WandBTracker, "log", log)
    run = started(tmp_path, dies_at, "wandb", 7)
    for steps in (6, 9):
        died_again(run, dies_at, steps)
    tilework.resume(run)
    assert max(Counter(sent).values()) == 1
    steps = [step for step, name in sent if name == "train/loss"]
    assert steps == list(range(1, 31)), "rising, and none left out"
    assert [step for step, _ in sent] == sorted(step for step, _ in sent)
    validated = [step for step, name in sent if name == "val/psnr"]
    assert validated == [step for step, _ in stored(run)["val", "psnr"]]
