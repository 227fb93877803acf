"""Metrics reach every tracker as the store has them, and a missing tracker is reported before anything is made."""

from __future__ import annotations

import csv
import importlib.util
import math
import os
import socket
import sys
import threading
from pathlib import Path

import children
import numpy as np
import pytest
from tiny_runs import tiny

import tilework
from tilework.engine.trackers import Trackers, check_trackers
from tilework.errors import UserError
from tilework.runs.folder import RunFolder
from tilework.runs.store import RunStore
from tilework.spec.model import Tracker

Curves = dict[tuple[str, str], list[tuple[int, float]]]


def stored(run: RunFolder) -> Curves:
    with RunStore.open(run.db) as store:
        found: Curves = {}
        for name, split in store.series():
            steps, values = store.metrics(name, split)
            found[split, name] = list(zip(steps.tolist(), values.tolist(), strict=True))
    return found


def in_csv(run: RunFolder) -> Curves:
    found: Curves = {}
    with (run.path / "metrics.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            for name, value in row.items():
                if name not in {"split", "step", "epoch"} and value:
                    found.setdefault((row["split"], name), []).append((int(row["step"]), float(value)))
    return found


def in_tensorboard(run: RunFolder) -> Curves:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run.path / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    found: Curves = {}
    for tag in events.Tags()["scalars"]:
        split, _, name = tag.partition("/")
        if name:
            found[split, name] = [(e.step, e.value) for e in events.Scalars(tag)]
    return found


def same(ours: Curves, theirs: Curves, rtol: float = 0.0) -> None:
    assert ours.keys() == theirs.keys()
    for key, rows in ours.items():
        assert [step for step, _ in rows] == [step for step, _ in theirs[key]], key
        np.testing.assert_allclose([v for _, v in rows], [v for _, v in theirs[key]], rtol=rtol, err_msg=str(key))


def test_csv_holds_what_the_store_holds_and_rewinds_at_a_resume() -> None:
    run = tilework.train(tiny("vq", "trackers=csv", "engine.steps=5"))
    same(in_csv(run), stored(run))
    assert ("val", "psnr") in in_csv(run)
    # As if killed two steps after its last checkpoint.
    with (run.path / "metrics.csv").open("a") as file:
        file.write("train,6,0.1,9\ntrain,7,0.1,9\ntrain,8,0")
    tilework.resume(run, "engine.steps=8")
    same(in_csv(run), stored(run))
    assert [step for step, _ in in_csv(run)["train", "loss"]] == list(range(1, 9))


def test_tensorboard_reads_back_the_same_curves_also_after_a_resume() -> None:
    pytest.importorskip("tensorboard")
    run = tilework.train(tiny("rq", "trackers=tensorboard"))
    same(in_tensorboard(run), stored(run), rtol=1e-6)  # TensorBoard keeps float32
    tilework.resume(run, "engine.steps=6")
    resumed = dict(in_tensorboard(run)["train", "loss"])
    assert resumed.keys() == set(range(1, 7))
    assert all(math.isfinite(value) for value in resumed.values())


class Listener:
    """A server on this machine that counts who comes: nobody should."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.visits = 0
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.getsockname()[1]}"

    def _serve(self) -> None:
        while True:
            try:
                visitor, _ = self.server.accept()
            except OSError:
                return
            self.visits += 1
            visitor.close()


def test_all_at_once_with_wandb_offline(tmp_path: Path) -> None:
    """A process of its own, as W&B starts one too: it must end, and must not ask for its server."""
    for package in ("wandb", "tensorboard"):
        pytest.importorskip(package)
    listener = Listener()
    here = Path(__file__).parent
    script = "import tilework, tiny_runs; "
    script += "print(tilework.train(tiny_runs.tiny('vq', 'trackers=csv,tensorboard,wandb')).path)"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("WANDB_")} | {
        "WANDB_MODE": "offline",
        "WANDB_BASE_URL": listener.url,
        "WANDB_ERROR_REPORTING": "false",
        "HOME": str(tmp_path),
        "PYTHONPATH": str(here),
    }
    done = children.run(
        [sys.executable, "-c", script],
        warm=True,
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    run = RunFolder.open(Path(done.stdout.strip().splitlines()[-1]))
    (offline,) = (run.path / "wandb").glob(f"offline-run-*-{run.id}")
    assert next(offline.glob("*.wandb")).stat().st_size > 0
    same(in_csv(run), stored(run))
    same(in_tensorboard(run), stored(run), rtol=1e-6)
    assert listener.visits == 0
    listener.server.close()


@pytest.mark.parametrize("kind", ["wandb", "tensorboard"])
def test_a_missing_package_is_reported_before_anything_is_made(
    monkeypatch: pytest.MonkeyPatch, kind: str, tmp_path: Path
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == kind else found(name, *a))
    with pytest.raises(UserError) as refused:
        tilework.train(tiny("vq", f"trackers={kind}"), runs=tmp_path / "runs")
    assert kind in refused.value.what
    assert f"tilework[{kind}]" in refused.value.fix
    assert not (tmp_path / "runs").exists()
    check_trackers([Tracker(kind="csv")])


def test_one_tracker_that_fails_to_close_does_not_keep_the_others_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed: list[str] = []

    class Sink:
        def __init__(self, name: str, fails: bool) -> None:
            self.name, self.fails = name, fails

        def close(self) -> None:
            closed.append(self.name)
            if self.fails:
                raise OSError("gone")

    both = Trackers.__new__(Trackers)
    both._sinks = [Sink("a", True), Sink("b", True), Sink("c", False)]  # type: ignore[list-item]
    with pytest.raises(OSError, match="gone"):
        both.close()
    assert sorted(closed) == ["a", "b", "c"]


def test_a_service_that_does_not_open_ends_the_run_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    from accelerate.tracking import WandBTracker

    def closed(self: WandBTracker) -> None:
        raise ConnectionError("no route to host\nmore lines")

    monkeypatch.setattr(WandBTracker, "start", closed)
    with pytest.raises(UserError) as refused:
        tilework.train(tiny("vq", "trackers=wandb"))
    assert refused.value.why == "no route to host"
    assert "WANDB_MODE=offline" in refused.value.fix
