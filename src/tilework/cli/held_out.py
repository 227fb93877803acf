"""What a run's store and checkpoints hold about held-out images: the newest validation metrics, and the best ones so
far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tilework.errors import TileworkError
from tilework.metrics import AUTOENCODER, VALIDATION, Metrics
from tilework.runs.checkpoints import saved
from tilework.runs.folder import RunFolder
from tilework.runs.leak import leak_note
from tilework.runs.store import RunStore

_AUTOENCODER = "autoencoder"
_USES = {_AUTOENCODER: "tilework.load", "prior": "tilework dream"}
"""What opens the best weights of a run unless another is named."""


@dataclass(frozen=True)
class HeldOut:
    """The newest validation pass of a run, and the one whose weights were kept as the best."""

    step: int = 0
    values: Mapping[str, float] = field(default_factory=dict)
    """Empty before the first validation pass."""
    metrics: Metrics = AUTOENCODER
    monitor: str = "loss"
    best_step: int | None = None
    best: float | None = None
    """Value of `monitor` at `best_step`, where both are known."""
    task: str = _AUTOENCODER
    """What the run is."""
    leak: str = ""
    """Why the values look better than they are, where the training images give some of the held-out ones away."""

    @property
    def best_value(self) -> str:
        """The best value of what decides which weights are the best, `validation loss 0.125`; empty where it is not known."""
        return "" if self.best is None else f"{self.metrics.label(self.monitor, VALIDATION)} {self.best:.5g}"

    @property
    def note(self) -> str:
        """One line on the best weights where they are not the newest ones; else empty."""
        if self.best_step is None or self.best_step == self.step:
            return ""
        value = f"{self.best_value} " if self.best_value else ""
        used = f"; {_USES[self.task]} uses those weights" if self.task in _USES else ""
        return f"best so far: {value}at step {self.best_step:,}{used}"


def held_out(run: RunFolder) -> HeldOut:
    """What is known about a run that has a store; values that are not there are left out."""
    spec = _spec(run)
    task, monitor = str(spec.get("task", _AUTOENCODER)), _monitor(spec)
    best = saved(run.checkpoints, "best")
    best_step = best[1] if best is not None else None
    with RunStore.open(run.db) as store:
        steps = store.rows(VALIDATION)[0]
        facts = store.meta()
        metrics = Metrics.read(facts)
        if not len(steps):
            return HeldOut(metrics=metrics, monitor=monitor, task=task)
        newest = int(steps[-1])
        at, values = store.metrics(monitor, VALIDATION)
        found = {int(step): float(value) for step, value in zip(at, values, strict=True)}
        newest_values = store.latest()["values"].get(VALIDATION, {})
    value = found.get(best_step) if best_step is not None else None
    return HeldOut(newest, newest_values, metrics, monitor, best_step, value, task, leak_note(facts))


def _spec(run: RunFolder) -> Mapping[str, Any]:
    from tilework.spec.text import read_yaml

    try:
        found: Mapping[str, Any] = read_yaml(run.spec_file.read_text(encoding="utf-8"), str(run.spec_file))
    except (OSError, UnicodeDecodeError, TileworkError):
        return {}
    return found


def _monitor(spec: Mapping[str, Any]) -> str:
    engine = spec.get("engine")
    return str(engine.get("monitor") or "loss") if isinstance(engine, dict) else "loss"
