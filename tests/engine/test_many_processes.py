"""Two processes make one run, hold identical codebooks, and compute what one process computes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import children
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from warm import shell_folder

from tilework.runs.folder import RunFolder
from tilework.runs.store import RunStore

SPECS = {
    "gradient-rq": """
bottleneck: {kind: rq, dim: 2, codes: 16, levels: 2, codebook: gradient, start: kmeans, revival: null}
encoder: {kind: ladder, widths: [16, 32], kernel: 3, dense: [64]}
objective: {mse: 1.0, commitment: 0.25, codebook: 1.0, sinkhorn: {weight: 0.1}}
""",
    "ema-vq": """
bottleneck: {kind: vq, dim: 8, codes: 32, codebook: ema, start: kmeans}
encoder: {kind: ladder, widths: [16, 32], kernel: 3}
objective: {mse: 1.0, commitment: 0.25}
""",
}
COMMON = """
name: processes
data: {kind: digits, size: 28x28, channels: 1}
decoder: {kind: ladder, output: sigmoid}
engine: {batch_size: 32, steps: 20, precision: float32, threads: 1, log_every_steps: 1, device: cpu}
"""


LAUNCHERS = {
    "plain": [],
    "accelerate": [
        *("-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "--num_machines", "1"),
        *("--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"),
    ],
    "torchrun": ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"],
}


@pytest.fixture
def launched(tmp_path: Path) -> Callable[..., None]:
    """Run a Python command, given without the interpreter, by a launcher as a person would.

    Processes of torchrun are warm. Those of accelerate are not: it begins the program, which begins torchrun, and all that is
    tried as it is.
    """

    def launch(how: str, command: list[str], **environment: str) -> None:
        warm = how != "accelerate"
        python = ["--no-python", str(shell_folder(tmp_path) / "python")] if how == "torchrun" else []
        line = [sys.executable, *LAUNCHERS[how], *python, *command]
        env = {**os.environ, **environment}
        done = children.run(line, warm=warm, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]

    return launch


@pytest.fixture
def trained(launched: Callable[..., None]) -> Callable[..., RunFolder]:
    """Train a spec and return its only run."""

    def train(how: str, spec: Path, runs: Path) -> RunFolder:
        launched(how, ["-m", "tilework", "train", str(spec)], TILEWORK_RUNS=str(runs))
        folders = [p for p in runs.iterdir() if (p / "run.json").is_file()]
        assert len(folders) == 1, "several processes make one run folder"
        return RunFolder.open(folders[0])

    return train


def losses(run: RunFolder) -> np.ndarray:
    with RunStore.open(run.db) as store:
        return store.metrics("loss", "train")[1]


def alike(ours: np.ndarray, theirs: np.ndarray) -> None:
    """The same but for sums in another order, whose last bits training enlarges."""
    np.testing.assert_allclose(ours[:5], theirs[:5], atol=1e-5, rtol=0)
    np.testing.assert_allclose(ours, theirs, atol=0, rtol=5e-3)


def weights(run: RunFolder) -> dict[str, torch.Tensor]:
    last = json.loads((run.checkpoints / "last.json").read_text())["folder"]
    return load_file(run.checkpoints / last / "model.safetensors")


@pytest.mark.parametrize(
    ("name", "how"),
    [("gradient-rq", "accelerate"), ("ema-vq", "torchrun")],
)
def test_two_processes_equal_one(tmp_path: Path, trained: Callable[..., RunFolder], name: str, how: str) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(COMMON + SPECS[name])
    one = trained("plain", spec, tmp_path / "one")
    two = trained(how, spec, tmp_path / "two")
    assert len(losses(one)) == 20
    alike(losses(two), losses(one))
    for key, tensor in weights(one).items():
        if tensor.is_floating_point():
            np.testing.assert_allclose(weights(two)[key], tensor, atol=1e-3, rtol=1e-2, err_msg=key)
    with RunStore.open(two.db) as store:
        assert store.get_meta("processes") == 2
        (same,) = store.events("ranks-compared")
    assert same.payload["largest_difference"] == 0.0


def test_two_processes_resume_exactly(
    tmp_path: Path, trained: Callable[..., RunFolder], launched: Callable[..., None]
) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(COMMON + SPECS["ema-vq"])
    whole = trained("torchrun", spec, tmp_path / "whole")
    spec.write_text((COMMON + SPECS["ema-vq"]).replace("steps: 20", "steps: 9"))
    part = trained("torchrun", spec, tmp_path / "part")
    launched("torchrun", ["-m", "tilework", "resume", str(part.path), "engine.steps=20"])
    assert losses(part).tolist() == losses(whole).tolist()
    for key, tensor in weights(whole).items():
        assert torch.equal(weights(part)[key], tensor), key


STEERED = """
import sys
from pathlib import Path
from tilework.engine import train
from tilework.engine.progress import Silent
from tilework.runs.steer import send
from tilework.spec import load_spec

class Hand(Silent):
    at = {3: [("set", {"name": "objective.commitment", "value": 1.5}), ("pause", {}), ("step", {"n": 2})],
          5: [("run", {})], 7: [("revive", {}), ("set", {"name": "optimizer.lr", "value": 3e-3})], 12: [("reset", {})]}
    def started(self, plan):
        self.run = plan.run
    def ticked(self, tick):
        for kind, payload in self.at.pop(tick.step, []):
            send(self.run, kind, **payload)

train(load_spec(sys.argv[1]), root=Path(sys.argv[2]), progress=Hand())
"""


def test_commands_act_on_every_process_alike(tmp_path: Path, launched: Callable[..., None]) -> None:
    spec, script = tmp_path / "spec.yaml", tmp_path / "steered.py"
    spec.write_text(COMMON + SPECS["ema-vq"])
    script.write_text(STEERED)
    outcomes = []
    for number, launcher in enumerate(("plain", "torchrun")):
        root = tmp_path / str(number)
        launched(launcher, [str(script), str(spec), str(root)])
        runs = {run.info["created"]: run for run in (RunFolder.open(path) for path in root.iterdir())}
        outcomes.append([runs[key] for key in sorted(runs)])
    for alone, together in zip(*outcomes, strict=True):
        alike(losses(together), losses(alone))
        with RunStore.open(together.db) as store:
            (same,) = store.events("ranks-compared")
            journal = [(c.kind, c.status, c.applied_step) for c in store.commands()]
        assert same.payload["largest_difference"] == 0.0
        with RunStore.open(alone.db) as store:
            assert journal == [(c.kind, c.status, c.applied_step) for c in store.commands()]
    first, second = outcomes[1]
    assert (len(losses(first)), len(losses(second))) == (12, 20)


@pytest.mark.slow
def test_two_processes_check_first_and_train_the_same(
    tmp_path: Path, trained: Callable[..., RunFolder], launched: Callable[..., None]
) -> None:
    """The main process tries the spec out on its own, codes that all processes share and terms that gather tokens included."""
    spec = tmp_path / "spec.yaml"
    spec.write_text(COMMON + SPECS["gradient-rq"])
    unchecked = trained("torchrun", spec, tmp_path / "unchecked")
    environment = {"TILEWORK_RUNS": str(tmp_path / "checked"), "TILEWORK_PREFLIGHT": "1"}
    launched("torchrun", ["-m", "tilework", "train", str(spec)], **environment)
    (folder,) = [p for p in (tmp_path / "checked").iterdir() if (p / "run.json").is_file()]
    checked = RunFolder.open(folder)
    with RunStore.open(checked.db) as store:
        verdicts = {one["code"]: one["verdict"] for one in store.get_meta("preflight")["results"]}
    assert verdicts["overfit"] == "passed"
    assert verdicts["loss-terms"] == "passed"
    assert losses(checked).tolist() == losses(unchecked).tolist()
    for key, tensor in weights(unchecked).items():
        assert torch.equal(weights(checked)[key], tensor), key
