"""Two processes make one run, hold identical codebooks, and compute what one process computes."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import children
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

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


def launched(how: str, processes: int, spec: Path, runs: Path) -> RunFolder:
    """Train `spec` by a launcher, as a person would, and return its only run."""
    train = ["-m", "tilework", "train", str(spec)]
    command = {
        "plain": [sys.executable, *train],
        "accelerate": [
            *(sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", str(processes)),
            *("--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"),
            *train,
        ],
        "torchrun": [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            f"--nproc-per-node={processes}",
            *train,
        ],
    }[how]
    environment = {**os.environ, "TILEWORK_RUNS": str(runs)}
    done = children.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    folders = [p for p in runs.iterdir() if (p / "run.json").is_file()]
    assert len(folders) == 1, "several processes make one run folder"
    return RunFolder.open(folders[0])


def losses(run: RunFolder) -> np.ndarray:
    with RunStore.open(run.db) as store:
        return store.metrics("loss", "train")[1]


def weights(run: RunFolder) -> dict[str, torch.Tensor]:
    last = json.loads((run.checkpoints / "last.json").read_text())["folder"]
    return load_file(run.checkpoints / last / "model.safetensors")


@pytest.mark.parametrize(
    ("name", "how"), [("gradient-rq", "accelerate"), pytest.param("ema-vq", "torchrun", marks=pytest.mark.slow)]
)
def test_two_processes_equal_one(tmp_path: Path, name: str, how: str) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(COMMON + SPECS[name])
    one = launched("plain", 1, spec, tmp_path / "one")
    two = launched(how, 2, spec, tmp_path / "two")
    assert len(losses(one)) == 20
    np.testing.assert_allclose(losses(two), losses(one), atol=1e-5, rtol=0)
    for key, tensor in weights(one).items():
        if tensor.is_floating_point():
            np.testing.assert_allclose(weights(two)[key], tensor, atol=1e-4, rtol=1e-3, err_msg=key)
    with RunStore.open(two.db) as store:
        assert store.get_meta("processes") == 2
        (same,) = store.events("ranks-compared")
    assert same.payload["largest_difference"] == 0.0


def test_two_processes_resume_exactly(tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(COMMON + SPECS["ema-vq"])
    whole = launched("torchrun", 2, spec, tmp_path / "whole")
    spec.write_text((COMMON + SPECS["ema-vq"]).replace("steps: 20", "steps: 9"))
    part = launched("torchrun", 2, spec, tmp_path / "part")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += ["-m", "tilework", "resume", str(part.path), "engine.steps=20"]
    done = children.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
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


def test_commands_act_on_every_process_alike(tmp_path: Path) -> None:
    spec, script = tmp_path / "spec.yaml", tmp_path / "steered.py"
    spec.write_text(COMMON + SPECS["ema-vq"])
    script.write_text(STEERED)
    outcomes = []
    for number, command in enumerate(
        ([sys.executable], [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"])
    ):
        root = tmp_path / str(number)
        done = children.run([*command, script, spec, root], capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, done.stderr[-3000:]
        runs = {run.info["created"]: run for run in (RunFolder.open(path) for path in root.iterdir())}
        outcomes.append([runs[key] for key in sorted(runs)])
    for alone, together in zip(*outcomes, strict=True):
        np.testing.assert_allclose(losses(together), losses(alone), atol=1e-5, rtol=0)
        with RunStore.open(together.db) as store:
            (same,) = store.events("ranks-compared")
            journal = [(c.kind, c.status, c.applied_step) for c in store.commands()]
        assert same.payload["largest_difference"] == 0.0
        with RunStore.open(alone.db) as store:
            assert journal == [(c.kind, c.status, c.applied_step) for c in store.commands()]
    first, second = outcomes[1]
    assert (len(losses(first)), len(losses(second))) == (12, 20)
