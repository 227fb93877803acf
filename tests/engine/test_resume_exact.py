"""A run that is killed at any moment and resumed equals one that never stopped, bit for bit."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import children
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tilework.runs.folder import RunFolder
from tilework.runs.store import RunStore

# Everything that keeps state is in here: batch statistics, EMA codebook with revival, averaged weights, plateau, early
# stopping, gradient accumulation, rows of metrics that span a checkpoint.
SPEC = """
name: exact
seed: 3
data: {kind: digits, size: 28x28, channels: 1}
encoder: {kind: ladder, widths: [8, 16], kernel: 3, norm: batch}
bottleneck: {kind: vq, dim: 8, codes: 32, codebook: ema, decay: 0.9, start: kmeans,
             revival: {threshold: 0.5, patience: 3, cooldown: 2}}
decoder: {kind: ladder, output: sigmoid}
objective: {mse: 1.0, commitment: {weight: {kind: linear, start: 0.05, end: 0.25, over: 2 epochs}}}
optimizer: {kind: adamw, lr: {kind: plateau, start: 2e-3, patience: 0, min_delta: 0.5}, accumulate: 2}
engine: {batch_size: 64, epochs: 4, precision: float32, threads: 1, ema_decay: 0.9, log_every_steps: 7,
         save_every_steps: 5, snapshot_every_epochs: 2, early_stopping: {patience: 50}}
"""
KILLS = 4
NOISY = """
name: noisy
seed: 5
data: {kind: digits, size: 28x28, channels: 1}
encoder: {kind: ladder, widths: [8, 16], kernel: 3, dense: [32]}
bottleneck: {kind: gaussian, dim: 4}
decoder: {kind: ladder, output: sigmoid}
objective: {mse: {weight: 1.0, per: image}, kl: 1.0}
optimizer: {lr: 1e-3}
engine: {batch_size: 64, epochs: 4, precision: bf16, threads: 1, log_every_steps: 6, save_every_steps: 4}
"""


def start(arguments: list[str], runs: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "TILEWORK_RUNS": str(runs)}
    command = [sys.executable, "-m", "tilework", *arguments]
    return children.start(command, warm=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def written(runs: Path) -> str:
    """What the only run's newest checkpoint is called; nothing before there is one."""
    for pointer in runs.glob("*/checkpoints/last.json"):
        return pointer.read_text()
    return ""


def only_run(runs: Path) -> RunFolder:
    return RunFolder.find("last", runs)


def outcome(run: RunFolder) -> tuple[dict[str, torch.Tensor], dict[str, list[list[float]]]]:
    last = json.loads((run.checkpoints / "last.json").read_text())["folder"]
    weights = load_file(run.checkpoints / last / "model.safetensors")
    average = run.checkpoints / last / "ema.safetensors"
    if average.is_file():
        weights |= {f"average.{k}": v for k, v in load_file(average).items()}
    rows = {}
    with RunStore.open(run.db) as store:
        for name, split in store.series():
            if name not in {"steps_per_second", "data_wait"}:
                rows[f"{split}/{name}"] = [a.tolist() for a in store.metrics(name, split)]
    return weights, rows


@pytest.mark.parametrize(
    "text", [pytest.param(SPEC, id="vq-ema"), pytest.param(NOISY, id="gaussian-bf16", marks=pytest.mark.slow)]
)
def test_killed_and_resumed_equals_uninterrupted(tmp_path: Path, text: str) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(text)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    process = start(["train", str(spec)], whole)
    assert process.wait() == 0, process.stderr and process.stderr.read().decode()

    chance = random.Random(0)
    process = start(["train", str(spec)], broken)
    kills = 0
    for _ in range(KILLS):
        # A random instant after the next checkpoint: each process gets further than the one before, and none to the end.
        before = written(broken)
        while process.poll() is None and written(broken) == before:
            time.sleep(0.002)
        time.sleep(chance.uniform(0.0, 0.05))
        process.send_signal(signal.SIGKILL)
        if process.wait() == 0:
            break
        assert process.returncode == -signal.SIGKILL, process.stderr and process.stderr.read().decode()
        kills += 1
        process = start(["resume", "last"], broken)
    assert process.wait() == 0, process.stderr and process.stderr.read().decode()
    assert kills >= 2
    weights, rows = outcome(only_run(whole))
    resumed_weights, resumed_rows = outcome(only_run(broken))
    assert weights.keys() == resumed_weights.keys()
    for name, tensor in weights.items():
        assert torch.equal(tensor, resumed_weights[name]), name
    assert rows.keys() == resumed_rows.keys()
    for name, (steps, values) in rows.items():
        assert resumed_rows[name][0] == steps, name
        np.testing.assert_array_equal(resumed_rows[name][1], values, err_msg=name)
