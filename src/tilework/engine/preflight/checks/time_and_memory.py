"""How long the run takes, and whether its device and its disk have room for it."""

from __future__ import annotations

import shutil
import tempfile
import time
from itertools import islice
from pathlib import Path

import psutil
import torch
from torch import Tensor

from tilework.engine import snapshots
from tilework.engine.preflight import contract
from tilework.engine.preflight.bench import Bench, Trial
from tilework.engine.preflight.changes import smaller_batch
from tilework.engine.preflight.saved import Saved, write_checkpoint
from tilework.engine.saving import seconds_between_saves
from tilework.engine.tasks.autoencoder import Task as AutoencoderTask
from tilework.engine.tasks.contract import Task
from tilework.runs.preflight import Result

MEASURED_SECONDS, MOST_STEPS = 1.2, 12
WHOLE_SECONDS = 0.4
"""A step of a whole batch that takes longer is not made, but reckoned from one with fewer items."""
FEW_HELD_OUT, VALIDATION_SECONDS = 4, 1.0
"""Items of the first part of a validation, and how long one may take that is made whole."""
SHORT = 0.9
"""Share of the memory, or of the free disk, from which on there is a warning."""


class Check(contract.Check):
    """Steps of the run's own batches are timed after a warm-up, with the time that reading them takes, then a validation, and a
    checkpoint is written; from these follow the time of the whole run and the space that its checkpoints and snapshots take.

    Where one step of a whole batch would take long, fewer items are timed and the time is scaled up, and so is the memory by
    what a step keeps for its backward pass. Checkpoints that do not fit on the disk are a failure; a run that needs more than
    90 % of the memory or of the free disk is a warning. What stops a run early (early stopping, a time limit) is not foreseen.
    """

    order = 70
    seconds = 1.5

    def run(self, bench: Bench) -> Result:
        trial = bench.trained or bench.trial()
        with bench.as_the_run(), tempfile.TemporaryDirectory(prefix="tilework-check-") as folder:
            step, items = _step_seconds(bench, trial)
            validation = _validation_seconds(bench, trial)
            saved = write_checkpoint(bench, trial, Path(folder))
            snapshot = _snapshot_bytes(trial, Path(folder))
        values = _of_the_run(bench, step, validation, saved, snapshot)
        values |= {"items": items, "batch": bench.batch_items, **_memory(bench, trial)}
        if values["checkpoint_bytes"] > values["free_bytes"]:
            return self.failed("disk-full", values, changes={"engine.keep_checkpoints": 1})
        if values["disk_bytes"] > SHORT * values["free_bytes"]:
            return self.warning("disk-short", values, changes={"engine.keep_checkpoints": 1})
        if values["memory_bytes"] > SHORT * values["available_bytes"]:
            return self.warning("memory-short", values, changes=smaller_batch(bench.spec))
        return self.passed(values)


# Time ------------------------------------------------------------------------------------------------------------------


def _step_seconds(bench: Bench, trial: Trial) -> tuple[float, int]:
    """Of one micro-batch, read and trained on; and how many of its items were taken to measure that."""
    if bench.pace.whole_seconds > WHOLE_SECONDS:
        return bench.pace.whole_seconds, bench.pace.items
    stream = bench.session.parts.data.train.epoch(0)
    trial.step(next(stream), bench.lr)
    began, taken = time.perf_counter(), 0
    for batch in islice(stream, MOST_STEPS):
        trial.step(batch, bench.lr)
        taken += 1
        if time.perf_counter() - began > MEASURED_SECONDS:
            break
    step = (time.perf_counter() - began) / taken if taken else bench.pace.whole_seconds
    return step, bench.batch_items


def _validation_seconds(bench: Bench, trial: Trial) -> float:
    """Of one pass over the validation split, reckoned from passes over two small parts of it."""
    task = trial.task.trial_copy(bench.compute)
    some, every = task.hold_out(FEW_HELD_OUT)
    task.validate(bench.weights)  # the first one warms up
    short = _validated(bench, task)
    if some >= every:
        return short
    task = trial.task.trial_copy(bench.compute)
    more, _ = task.hold_out(every if short * every / some < VALIDATION_SECONDS else 2 * some)
    long = _validated(bench, task)
    # What a pass takes whatever its size, such as looking for duplicate codes, is not multiplied.
    each = max((long - short) / max(1, more - some), 0.2 * long / more)
    return long + each * (every - more)


def _validated(bench: Bench, task: Task) -> float:
    began = time.perf_counter()
    task.validate(bench.weights)
    return time.perf_counter() - began


def _of_the_run(bench: Bench, step: float, validation: float, saved: Saved, snapshot: int) -> dict[str, float]:
    """What one step, one validation, one checkpoint and one snapshot come to."""
    budget, engine = bench.session.parts.budget, bench.spec.engine
    validations = 1 + budget.total_epochs // engine.validate_every_epochs
    shown = 2 + budget.total_epochs // engine.snapshot_every_epochs
    training = budget.total_steps * budget.accumulate * step
    saves = 2 + training / seconds_between_saves(engine.save_every_minutes, saved.seconds)
    if engine.save_every_steps:
        saves += budget.total_steps / engine.save_every_steps
    kept = (engine.keep_checkpoints + 1) * saved.bytes + saved.weights  # one more while it is written, and the best
    return {
        "steps": budget.total_steps,
        "step_seconds": step * budget.accumulate,
        "validations": validations,
        "validation_seconds": validation,
        "saves": saves,
        "save_seconds": saved.seconds,
        "total_seconds": training + validations * validation + saves * saved.seconds,
        "checkpoint_bytes": kept,
        "disk_bytes": kept + shown * snapshot,
        "free_bytes": _free(bench.runs),
    }


# Space -----------------------------------------------------------------------------------------------------------------


def _snapshot_bytes(trial: Trial, folder: Path) -> int:
    """Of the reconstructions that are kept at once. Samples of a prior are as small, and take long to draw."""
    if not isinstance(trial.task, AutoencoderTask):
        return 0
    kinds = trial.task.snapshots(None)
    return sum((folder / snapshots.write(folder, kind, 0, arrays)).stat().st_size for kind, arrays in kinds.items())


def _free(runs: Path) -> float:
    """Bytes that are free where runs are kept, or will be."""
    place = runs.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    return float(shutil.disk_usage(place).free)


def _memory(bench: Bench, trial: Trial) -> dict[str, float]:
    """What the run needs at its peak, and what there is."""
    device, items = bench.compute.device, min(bench.pace.items, bench.batch_items)
    kept = _kept_for_backward(bench, trial)
    missing = kept * (bench.batch_items / items - 1)
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        reserved = torch.cuda.memory_reserved(device)
        return {
            "memory_bytes": torch.cuda.max_memory_allocated(device) + missing,
            "available_bytes": float(free + reserved),
        }
    used = psutil.Process().memory_info().rss
    return {"memory_bytes": used + missing, "available_bytes": float(used + psutil.virtual_memory().available)}


def _kept_for_backward(bench: Bench, trial: Trial) -> float:
    """Bytes that a step of a trial keeps between its forward and its backward pass."""
    seen: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        float(trial.task.losses(trial.task.model, bench.pace.some(), bench.weights).total.detach())
    own = {p.untyped_storage().data_ptr() for p in trial.task.model.parameters()}
    return float(sum(size for place, size in seen.items() if place not in own))
