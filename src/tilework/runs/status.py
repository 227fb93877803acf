"""The list of runs, and the state of each: what the run wrote of itself, and whether a process still trains it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tilework.errors import TileworkError, UserError
from tilework.metrics import AUTOENCODER, IN_LISTS, Metric, Metrics, values_of
from tilework.protocol.run import RunStatus
from tilework.runs.folder import RunFolder, default_root, run_names
from tilework.runs.lock import holder
from tilework.runs.records import Finding
from tilework.runs.store import RunStore
from tilework.runs.written import last_written


@dataclass(frozen=True)
class RunInfo:
    """One line of the list of runs."""

    id: str
    path: Path
    name: str = ""
    """Name of the recipe or spec."""
    status: RunStatus = RunStatus.UNREADABLE
    problem: str = ""
    """Why the run cannot be read; empty where it can."""
    step: int = 0
    epoch: float = 0.0
    total_steps: int | None = None
    total_epochs: float | None = None
    val: Mapping[str, float] = field(default_factory=dict)
    """The newest validation value of every metric."""
    metrics: Metrics = AUTOENCODER
    """What these are called, and which of them stand for the run."""
    val_step: int | None = None
    """Where they were measured."""
    created: float | None = None
    """Seconds since 1970, like `updated`."""
    updated: float = 0.0
    seconds: float = 0.0
    """Time spent training up to the newest row or checkpoint."""
    size_bytes: int = 0
    tilework: str = ""
    """The version that began the run."""
    findings: tuple[Finding, ...] = ()
    """What its doctor found while it trained and at its end, as far as it still holds."""

    @property
    def headlines(self) -> list[tuple[Metric, dict[str, float]]]:
        """The few metrics that a list shows of a run, each with its validation values by name (one a level, or one)."""
        return [(metric, values_of(metric, self.val)) for metric in self.metrics.headlines(self.val, IN_LISTS)]


def list_runs(root: Path | None = None) -> list[RunInfo]:
    """Every run folder in `root`, the one written to last first. A folder that cannot be read is listed with the reason."""
    root = default_root() if root is None else root
    return sorted((run_info(root / name) for name in run_names(root)), key=lambda r: r.updated, reverse=True)


def run_info(path: Path) -> RunInfo:
    """What is known about one run folder, also while it is written. Never raises."""
    base = RunInfo(id=path.name, path=path, updated=last_written(path), size_bytes=_size(path))
    try:
        return _read(base)
    except TileworkError as error:
        problem = f"{error.what} ({error.why})" if error.why else error.what
    except Exception as error:  # one odd folder must not hide all the others
        problem = f"{type(error).__name__}: {error}"
    return RunInfo(
        id=base.id,
        path=base.path,
        updated=base.updated,
        size_bytes=base.size_bytes,
        problem=problem,
        **_what_is_known(path),
    )


def run_status(folder: RunFolder) -> RunStatus:
    """The state of one run. Raises UserError where its store cannot be read."""
    stored = ""
    if folder.db.exists():
        with RunStore.open(folder.db) as store:
            stored = store.get_meta("status", "")
    return _status(stored, alive=holder(folder.path) is not None)


def _read(base: RunInfo) -> RunInfo:
    folder = RunFolder.open(base.path)
    info = folder.info
    alive = holder(base.path) is not None  # before the store: a run that ends in between reads as ended
    latest: dict[str, Any] = {"step": 0, "epoch": 0.0, "time": None, "written": None, "steps": {}, "values": {}}
    meta: dict[str, Any] = {}
    findings: tuple[Finding, ...] = ()
    if folder.db.exists():
        with RunStore.open(folder.db) as store:
            latest, meta, findings = store.latest(), store.meta(), tuple(store.standing())
    created = float(info["created"])
    return RunInfo(
        id=base.id,
        path=base.path,
        name=str(info["name"]),
        status=_status(meta.get("status", ""), alive),
        step=latest["step"],
        epoch=latest["epoch"],
        total_steps=meta.get("total_steps"),
        total_epochs=meta.get("total_epochs"),
        val=latest["values"].get("val", {}),
        metrics=Metrics.read(meta),
        val_step=latest["steps"].get("val"),
        created=created,
        updated=latest["written"] or base.updated,  # a reader that leaves touches the file
        seconds=_seconds(meta, latest["time"], created),
        size_bytes=base.size_bytes,
        tilework=str(info.get("tilework", "")),
        findings=findings,
    )


def _seconds(meta: Mapping[str, Any], newest: float | None, created: float) -> float:
    """What was counted at the last checkpoint (or the resume), and the time from there to the newest row."""
    counted, since = meta.get("seconds"), meta.get("seconds_at", created)
    if counted and "seconds_at" not in meta:
        return float(counted)
    return float(counted or 0.0) + max(0.0, (newest or since) - float(since))


def _status(stored: str, alive: bool) -> RunStatus:
    if stored in {RunStatus.FINISHED, RunStatus.STOPPED}:
        # A resume takes the lock before it writes that it runs.
        return RunStatus.RUNNING if alive else RunStatus(stored)
    if alive:
        return RunStatus.PAUSED if stored == RunStatus.PAUSED else RunStatus.RUNNING
    # Its status is running (or it never wrote one), yet no process holds its lock.
    return RunStatus.CRASHED


def _what_is_known(path: Path) -> dict[str, Any]:
    """Name and creation of a run whose store is beyond reading."""
    try:
        info = RunFolder.open(path).info
        return {"name": str(info["name"]), "created": float(info["created"]), "tilework": str(info.get("tilework", ""))}
    except (UserError, KeyError, TypeError, ValueError):
        return {}


def _size(path: Path) -> int:
    """Bytes of all files below `path`; links are not followed, what vanishes meanwhile counts nothing."""
    total, folders = 0, [str(path)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    try:
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
                        else:
                            about = entry.stat(follow_symlinks=False)
                            # What it takes on the disk: the live file is mostly a hole.
                            total += min(about.st_size, getattr(about, "st_blocks", about.st_size) * 512)
                    except OSError:
                        continue
        except OSError:
            continue
    return total
