"""Metrics sent elsewhere too: CSV, TensorBoard, Weights & Biases. The run folder always has them."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from tilework.errors import UserError
from tilework.runs.atomic import atomic_write_bytes
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
    """TensorBoard or W&B through Accelerate's own tracker of that name.

    `sent`: a file that keeps the newest step of each split that has gone out, for a service that takes nothing back: after a
    kill the steps since the checkpoint are computed again, and those that it has already are not sent twice.
    """

    def __init__(self, tracker: Any, sent: Path | None = None) -> None:
        self._tracker, self._file = tracker, sent
        self._sent = _newest_sent(sent) if sent is not None else {}
        self._newest = -1

    def log(self, step: int, epoch: float, values: Mapping[str, float], split: str) -> None:
        if step <= self._sent.get(split, -1):
            return
        row = {f"{split}/{name}": value for name, value in values.items()}
        if step != self._newest:  # the validation of a step has the epoch of its training row
            row["epoch"], self._newest = epoch, step
        self._tracker.log(row, step=step)
        if self._file is not None:
            self._sent[split] = step
            atomic_write_bytes(self._file, json.dumps(self._sent).encode(), sync=False)

    def close(self) -> None:
        self._tracker.finish()


def _newest_sent(file: Path) -> dict[str, int]:
    try:
        return {str(split): int(step) for split, step in json.loads(file.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


class Trackers:
    """All trackers of a run; only the main process has any. Each shows every step once, also where a run was killed behind the
    checkpoint that it goes on from, which was made `since` so many steps; None = a new run."""

    def __init__(self, main: bool, spec: RunSpec, run: RunFolder, since: int | None = None) -> None:
        self._sinks: list[_Sink] = []
        if not main:
            return
        try:
            for tracker in spec.trackers:
                if tracker.kind == "csv":
                    self._sinks.append(CsvTracker(run.path))
                else:
                    sent = run.path / "wandb-sent.json" if tracker.kind == "wandb" else None
                    self._sinks.append(_Service(_open(tracker, spec, run, since), sent))
        except BaseException:
            self.close()
            raise

    def log(self, step: int, epoch: float, values: Mapping[str, float], split: str) -> None:
        """Send one row to every tracker."""
        for sink in self._sinks:
            sink.log(step, epoch, values, split)

    def rewind(self, step: int) -> None:
        """Forget what was logged after `step`, where that is ours to do (CSV). TensorBoard got it when it was opened;
        W&B keeps the rows that it has."""
        for sink in self._sinks:
            if isinstance(sink, CsvTracker):
                sink.rewind(step)

    def close(self) -> None:
        """Flush and close all of them, also where one fails."""
        with contextlib.ExitStack() as all_of_them:
            for sink in self._sinks:
                all_of_them.callback(sink.close)


def _wait_for_a_later_name(folder: Path) -> None:
    """TensorBoard reads its files by name, and a name begins with the second: another of this second might come first."""
    while any(folder.glob(f"events.out.tfevents.{int(time.time()):010d}.*")):
        time.sleep(0.02)


def _open(tracker: Tracker, spec: RunSpec, run: RunFolder, since: int | None) -> Any:
    from accelerate.tracking import TensorBoardTracker, WandBTracker

    try:
        if tracker.kind == "tensorboard":
            # TensorBoard then leaves out what an earlier process wrote of this step and of later ones. The first checkpoint is
            # older than the validation of its step.
            purge = None if since is None else since + 1 if since else 0
            folder = run.path / "tensorboard"
            _wait_for_a_later_name(folder)
            made: Any = TensorBoardTracker(run_name=".", logging_dir=folder, purge_step=purge)
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
