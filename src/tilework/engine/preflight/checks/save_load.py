"""Whether a checkpoint gives back the model that it was made of."""

from __future__ import annotations

import copy
import tempfile
import time
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from tilework.engine import checkpoint
from tilework.engine.preflight import contract
from tilework.engine.preflight.bench import SEED, Bench, Trial
from tilework.engine.preflight.saved import Saved, write_checkpoint
from tilework.engine.tasks.autoencoder import Task as AutoencoderTask
from tilework.errors import TileworkError
from tilework.runs.preflight import Result

TOLERANCE = 1e-5
"""Largest difference of a decoded pixel or a loss: the same weights in the same arithmetic."""


class Check(contract.Check):
    """The model that has learnt one batch is written as a checkpoint into a temporary folder and read back as `tilework.load`
    reads it. Every tensor must be the same bit for bit, and a few images are encoded and decoded by both: the codes must be the
    same, and no pixel may differ by more than 1e-5. The model of another task is read into a copy, whose losses are compared.
    """

    order = 60
    seconds = 0.5

    def run(self, bench: Bench) -> Result:
        trial = bench.trained or bench.trial()
        if bench.trained is None:
            trial.step(bench.pace.few, bench.lr)
        with tempfile.TemporaryDirectory(prefix="tilework-check-") as folder:
            began = time.perf_counter()
            saved = write_checkpoint(bench, trial, Path(folder))
            values: dict[str, Any] = {"bytes": saved.bytes, "write_seconds": saved.seconds}
            try:
                differing, outputs = _compared(bench, trial, saved)
            except TileworkError as error:
                return self.failed("not-loaded", values | {"what": error.what, "why": error.why})
            values |= {"tensors": len(trial.task.model.state_dict()), "differing": len(differing), **outputs}
            values["read_seconds"] = time.perf_counter() - began - saved.seconds
        if differing:
            return self.failed("tensors-differ", values, differing[:3])
        if any(value > TOLERANCE for value in outputs.values()):
            return self.failed("output-differs", values)
        return self.passed(values)


def _compared(bench: Bench, trial: Trial, saved: Saved) -> tuple[list[str], dict[str, float]]:
    """Names of the tensors that differ, and by how much what the two models give does."""
    found = checkpoint.open_folder(saved.folder)
    if isinstance(trial.task, AutoencoderTask):
        return _as_loaded(bench, trial, found)
    again = trial.task.trial_copy(bench.compute)
    with torch.no_grad():
        for tensor in again.model.state_dict().values():
            if tensor.is_floating_point():
                tensor.fill_(float("nan"))  # what the checkpoint does not bring must be missed
    tensors = checkpoint.read_tensors(found.folder / "model.safetensors")
    checkpoint.load_weights(again.model, tensors, found.folder / "model.safetensors")
    losses = []
    for task in (trial.task, again):
        task.model.eval()
        torch.manual_seed(SEED)
        with torch.no_grad():
            losses.append(float(task.losses(task.model, bench.pace.few, bench.weights).total))
        task.model.train()
    return _differing(trial.task.model.state_dict(), again.model.state_dict()), {"loss": _apart(*losses)}


def _as_loaded(bench: Bench, trial: Trial, found: checkpoint.Checkpoint) -> tuple[list[str], dict[str, float]]:
    from tilework.engine.api import Model, load_checkpoint

    loaded, _ = load_checkpoint(found.folder, device=bench.compute.device.type)
    task = cast(AutoencoderTask, trial.task)
    # In the memory layout of a model that was loaded: other layouts add in another order.
    network = copy.deepcopy(task.model).to(memory_format=torch.contiguous_format)
    differing = _differing(network.state_dict(), loaded.network.state_dict())
    if not all(bool(torch.isfinite(t).all()) for t in network.state_dict().values() if t.is_floating_point()):
        return differing, {}  # it learnt nothing that can be compared; another check reports that
    own, x = Model(network, loaded.spec, found.step, loaded.device), bench.pace.few.images.contiguous()
    outputs = {"pixels": _largest(own.reconstruct(x), loaded.reconstruct(x))}
    if own.levels:
        codes = own.codes(x)
        outputs["codes"] = float((codes != loaded.codes(x)).float().mean())
        outputs["pixels"] = max(outputs["pixels"], _largest(own.decode(codes), loaded.decode(codes)))
    return differing, outputs


def _differing(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> list[str]:
    return sorted(
        name
        for name in ours.keys() | theirs.keys()
        if name not in ours or name not in theirs or not _same(ours[name], theirs[name])
    )


def _same(a: Tensor, b: Tensor) -> bool:
    return (
        a.shape == b.shape
        and a.dtype == b.dtype
        and bool(((a == b.to(a.device)) | ((a != a) & (b != b).to(a.device))).all())
    )


def _largest(a: Tensor, b: Tensor) -> float:
    return float((a - b).abs().max()) if a.shape == b.shape else float("inf")


def _apart(a: float, b: float) -> float:
    return abs(a - b) if a == a and b == b else float("inf")
