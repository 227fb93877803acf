"""Repeat a run with everything that was done to it by hand, and compare what came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tilework.engine import checkpoint
from tilework.engine.from_run import settled
from tilework.engine.launch import train
from tilework.engine.orders import Order, applied
from tilework.engine.progress import Progress, Silent
from tilework.engine.whereabouts import found_again, refuse_missing
from tilework.errors import UserError
from tilework.runs.folder import RunFolder
from tilework.runs.store import RunStore
from tilework.spec import load_spec
from tilework.spec.tasks import task_class

DECIDING = ("device", "precision", "processes", "torch", "content_hash")
"""Facts of a run on which its numbers depend, beside its spec."""


@dataclass(frozen=True)
class Replayed:
    """A repeated run beside the one that it repeats."""

    run: RunFolder
    step: int
    interventions: int
    differing: int
    """Weights, buffers and averages that are not the same, bit for bit; of `tensors`."""
    tensors: int
    largest: float
    """Largest absolute difference of any number."""
    changed: Mapping[str, tuple[Any, Any]]
    """Facts of the run that were others then, of DECIDING: what they were and what they are."""
    resumed: bool
    """Whether the first run was resumed, perhaps with other settings of the engine."""
    device: str
    """Where the second one computed."""

    @property
    def explained(self) -> bool:
        """Whether it is known why the two may differ. A GPU may add in another order each time."""
        return bool(self.changed) or self.device != "cpu" or self.resumed

    @property
    def identical(self) -> bool:
        """Whether every bit is the same."""
        return self.differing == 0


def replay(run: RunFolder, *, root: Path | None = None, progress: Progress | None = None) -> Replayed:
    """Train a new run from `run`'s spec, with its interventions at the same steps, up to its last checkpoint; compare both.

    On one CPU the two are the same bit for bit. Raises UserError where the run has no checkpoint or its commands cannot be read.
    """
    progress = progress or Silent()
    target, weights = checkpoint.reading(run.checkpoints, "last", lambda found: (found, _tensors(found)))
    if target.step == 0:
        raise UserError(f"run {run.id} took no step", why="there is nothing to repeat", fix=f"tilework resume {run.id}")
    with RunStore.open(run.db) as store:
        orders = [order for order in applied(store.commands()) if order.before_step <= target.step]
        facts = store.meta()
        resumed = bool(store.events("resumed"))
    script = [Order(order.kind, _asked(order), None, order.before_step) for order in orders]
    spec = found_again(load_spec(str(run.spec_file)), run)
    refuse_missing(spec, run)
    spec = task_class(spec.task).settled(spec, run.path.parent, root or run.path.parent)
    spec = settled(spec, run.path.parent, root or run.path.parent)
    again = train(
        spec, root=root or run.path.parent, progress=progress, script=script, until=target.step, preflight=False
    )
    found = checkpoint.find(again.checkpoints)
    differing, tensors, largest = _compare(weights, _tensors(found))
    with RunStore.open(again.db) as store:
        now = store.meta()
    return Replayed(
        again,
        found.step,
        len(script),
        differing,
        tensors,
        largest,
        {key: (facts.get(key), now.get(key)) for key in DECIDING if facts.get(key) != now.get(key)},
        resumed,
        str(now.get("device")),
    )


def _asked(order: Order) -> dict[str, object]:
    """What was asked, without what was answered."""
    return {key: order.payload[key] for key in ("name", "value") if key in order.payload}


def _tensors(found: checkpoint.Checkpoint) -> dict[tuple[str, str], Tensor]:
    """Weights, buffers and averages by file and name; in memory, for the run may be trained on meanwhile."""
    files = [name for name in ("model.safetensors", "ema.safetensors") if (found.folder / name).is_file()]
    return {
        (name, key): tensor
        for name in files or ["model.safetensors"]
        for key, tensor in checkpoint.read_tensors(found.folder / name).items()
    }


def _compare(ours: dict[tuple[str, str], Tensor], theirs: dict[tuple[str, str], Tensor]) -> tuple[int, int, float]:
    differing, largest = 0, 0.0
    for key, tensor in ours.items():
        against = theirs.get(key)
        if against is None or against.shape != tensor.shape:
            differing, largest = differing + 1, float("inf")
        elif not torch.equal(tensor, against):
            differing += 1
            largest = max(largest, float((tensor.double() - against.double()).abs().max()))
    return differing, len(ours), largest
