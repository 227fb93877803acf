"""Two processes meet a fault of one of them alike: both refuse the step, both go back, and both are the same afterwards."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import children
import pytest
from warm import shell_folder

SCRIPT = """
import math, os, sys
from dataclasses import replace
from pathlib import Path

import torch

from tilework.engine import train
from tilework.engine.loop import Loop
from tilework.engine.progress import Silent
from tilework.spec import load_spec

RANK, whole = int(os.environ["RANK"]), Loop._step

def struck(self, micro_batches):
    step = self.session.step + 1
    if RANK == 1 and step in {30, 50, 51, 52}:  # one process alone has images that are no numbers
        micro_batches = [replace(b, images=torch.full_like(b.images, math.nan)) for b in micro_batches]
    if step == 70:
        with torch.no_grad():
            for weight in self.session.parts.model.parameters():
                weight.add_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(0)))
    whole(self, micro_batches)

Loop._step = struck
train(load_spec(sys.argv[1]), root=Path(sys.argv[2]), progress=Silent())
"""
SPEC = """
name: guarded
data: {kind: digits, size: 28x28, channels: 1}
encoder: {kind: ladder, widths: [8, 16], kernel: 3, norm: batch}
bottleneck: {kind: vq, dim: 8, codes: 32, codebook: ema, revival: {threshold: 0.5, patience: 3, cooldown: 2}}
decoder: {kind: ladder, output: sigmoid}
objective: {mse: 1.0, commitment: 0.25}
optimizer: {lr: 1e-2}
engine: {batch_size: 32, steps: 100, precision: float32, threads: 1, log_every_steps: 1, device: cpu, ema_decay: 0.9,
         nonfinite_steps: 2, validate_every_epochs: 100, save_every_steps: 58}
"""


@pytest.mark.slow
def test_one_process_with_a_fault_is_enough_for_all(tmp_path: Path) -> None:
    from injected import events, finite, losses, tensors

    from tilework.runs.folder import RunFolder
    from tilework.runs.store import RunStore

    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "train.py").write_text(SCRIPT)
    python = str(shell_folder(tmp_path) / "python")
    launcher = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        "--no-python",
        python,
    ]

    def launch(*command: str) -> None:
        done = children.run([*launcher, *command], warm=True, env=dict(os.environ), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]

    launch(str(tmp_path / "train.py"), str(tmp_path / "spec.yaml"), str(tmp_path / "runs"))
    run = RunFolder.find("last", tmp_path / "runs")
    assert [(e.payload["first"], e.payload["last"]) for e in events(run, "step-skipped")] == [
        (30, 30),
        (50, 50),
        (51, 52),
    ]
    assert [e.payload["reason"] for e in events(run, "rolled-back")] == ["not-finite", "loss-spike"]
    with RunStore.open(run.db) as store:
        (same,) = store.events("ranks-compared")
    assert same.payload["largest_difference"] == 0.0
    finite(tensors(run))
    back_to = [e.payload["back_to"] for e in events(run, "rolled-back")]
    assert min(back_to) == 20  # single steps that were refused since have not cost it its copy
    assert losses(run)[-1] < losses(run)[max(back_to)] / 1.5
    assert json.loads((run.checkpoints / "last.json").read_text())["folder"].startswith("step-00000100")
