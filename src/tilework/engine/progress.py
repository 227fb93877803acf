"""What a run reports while it goes on; the command line draws it, a library user may ignore it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from tilework.metrics import AUTOENCODER, Metrics
from tilework.runs.stop_reason import StopReason

if TYPE_CHECKING:
    from tilework.runs.folder import RunFolder
    from tilework.spec import RunSpec


@dataclass(frozen=True)
class Plan:
    """What is about to run."""

    run: RunFolder
    spec: RunSpec
    train: int
    """Items in the training split."""
    validation: int
    steps: int
    """Optimiser steps of the whole run."""
    steps_per_epoch: int
    model: Mapping[str, Any]
    """What the task reports of its model: for an autoencoder bottleneck, grid, levels and codes."""
    parameters: int
    device: str
    precision: str
    processes: int
    resumed_at: int
    """Step that the run goes on from; 0 for a new run."""
    metrics: Metrics = AUTOENCODER
    """What the run measures."""
    unit: str = "images"
    """What an item of the data is."""
    epochs: float = 0.0
    """Passes over the training split of the whole run; 0 where that is not given."""


@dataclass(frozen=True)
class Tick:
    """One logged row of training metrics."""

    step: int
    epoch: float
    steps_per_second: float
    values: Mapping[str, float]


@dataclass(frozen=True)
class Finish:
    """How a run ended."""

    reason: StopReason
    step: int
    seconds: float
    validation: Mapping[str, float] = field(default_factory=dict)
    steps: int = 0
    """The step that the reason speaks of: the run's last, or the limit that was set."""


class Progress(Protocol):
    """Listener of a run. Every method may do nothing."""

    def preparing(self, what: str, done: int, total: int = 0) -> None:
        """A named stage before the first step: what it has done so far, and of how many where that is known (else 0)."""

    def started(self, plan: Plan) -> None:
        """The first step is about to be taken."""

    def message(self, text: str) -> None:
        """One line that a person should see (a note, a warning)."""

    def ticked(self, tick: Tick) -> None:
        """A row of training metrics was logged."""

    def validated(self, step: int, values: Mapping[str, float]) -> None:
        """A held-out pass has ended."""

    def saved(self, step: int) -> None:
        """A checkpoint is on the disk."""

    def finished(self, finish: Finish) -> None:
        """The run is over, its last checkpoint written."""


class Silent:
    """A Progress that shows nothing."""

    def preparing(self, what: str, done: int, total: int = 0) -> None: ...
    def started(self, plan: Plan) -> None: ...
    def message(self, text: str) -> None: ...
    def ticked(self, tick: Tick) -> None: ...
    def validated(self, step: int, values: Mapping[str, float]) -> None: ...
    def saved(self, step: int) -> None: ...
    def finished(self, finish: Finish) -> None: ...
