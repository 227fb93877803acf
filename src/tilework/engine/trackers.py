"""Metrics sent elsewhere too: CSV, TensorBoard, Weights & Biases. The run folder always has them."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tilework.errors import UserError
from tilework.runs.csv import CsvTracker
from tilework.runs.folder import RunFolder
from tilework.spec import RunSpec
from tilework.spec.model import Tracker

_PACKAGES = {"wandb": "wandb", "tensorboard": "tensorboard"}


def check_trackers(trackers: Sequence[Tracker]) -> None:
    """Raise UserError, before anything else happens, for a tracker whose package is missing."""
    for tracker in trackers:
        package = _PACKAGES.get(tracker.kind)
        if package and importlib.util.find_spec(package) is None:
            raise UserError(
                f"trackers names {tracker.kind} but the package {package} is not installed",
                why="trackers beyond CSV are optional extras",
                fix=f"install it: uv sync --extra {tracker.kind} (or pip install 'tilework[{tracker.kind}]')",
            )


class _Sink(Protocol):
    def log(self, step: int, epoch: float, values: Mapping[str, float], split: str) -> None: ...
    def close(self) -> None: ...


class _Service:
    """TensorBoard or W&B through Accelerate's own tracker of that name."""

    def __init__(self, tracker: Any) -> None:
        self._tracker = tracker

    def log(self, step: int, epoch: float, values: Mapping[str, float], split: str) -> None:
        self._tracker.log({f"{split}/{name}": value for name, value in values.items()} | {"epoch": epoch}, step=step)

    def close(self) -> None:
        self._tracker.finish()


class Trackers:
    """All trackers of a run; only the main process has any."""

    def __init__(self, main: bool, spec: RunSpec, run: RunFolder) -> None:
        self._sinks: list[_Sink] = []
        if not main:
            return
        for tracker in spec.trackers:
            if tracker.kind == "csv":
                self._sinks.append(CsvTracker(run.path))
            else:
                self._sinks.append(_Service(_open(tracker, spec, run)))

    def log(self, step: int, epoch: float, values: Mapping[str, float], split: str) -> None:
        """Send one row to every tracker."""
        for sink in self._sinks:
            sink.log(step, epoch, values, split)

    def rewind(self, step: int) -> None:
        """Forget what was logged after `step`, where a tracker can (CSV); services keep their rows and show the newer ones."""
        for sink in self._sinks:
            if isinstance(sink, CsvTracker):
                sink.rewind(step)

    def close(self) -> None:
        """Flush and close all of them, also where one fails."""
        with contextlib.ExitStack() as all_of_them:
            for sink in self._sinks:
                all_of_them.callback(sink.close)


def _open(tracker: Tracker, spec: RunSpec, run: RunFolder) -> Any:
    from accelerate.tracking import TensorBoardTracker, WandBTracker

    try:
        if tracker.kind == "tensorboard":
            made: Any = TensorBoardTracker(run_name=".", logging_dir=run.path / "tensorboard")
        else:
            # The id makes a resumed run go on in the same W&B run.
            made = WandBTracker(tracker.project, name=run.id, id=run.id, dir=str(run.path), resume="allow")
        made.start()
        if tracker.kind == "wandb":
            made.store_init_configuration(spec.model_dump(mode="json"))
    except Exception as error:
        raise UserError(
            f"the tracker {tracker.kind} could not be opened",
            why=(str(error).splitlines() or [type(error).__name__])[0],
            fix="log in to it, set WANDB_MODE=offline, or remove it with trackers=[]",
        ) from error
    return made
