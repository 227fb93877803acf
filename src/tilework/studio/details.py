"""All that is known about one run at once: the page's first look at it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict, cast

from tilework.errors import TileworkError
from tilework.metrics import AUTOENCODER, Metrics
from tilework.protocol.finding import FindingEntry
from tilework.protocol.run import Curves, Mark, MetricEntry, Rows, RunResponse, Steerable
from tilework.protocol.socket import HelloMessage
from tilework.runs.folder import RunFolder
from tilework.spec.text import read_yaml
from tilework.studio.cards import run_card
from tilework.studio.paths import Root, inside


class Everything(TypedDict):
    """What a run's store knows of it."""

    curves: Curves
    findings: list[FindingEntry]
    marks: list[Mark]
    timeline: list[int]
    steerable: list[Steerable]
    facts: dict[str, Any]
    metrics: list[MetricEntry]


def entries(metrics: Metrics) -> list[MetricEntry]:
    """A table of metrics as the page reads it."""
    return cast(list[MetricEntry], metrics.as_list())


_EMPTY: Rows = {"step": [], "epoch": [], "series": {}}
NOTHING: Everything = {
    "curves": {"train": _EMPTY, "val": _EMPTY},
    "findings": [],
    "marks": [],
    "timeline": [],
    "steerable": [],
    "facts": {},
    "metrics": entries(AUTOENCODER),
}
"""What is known of a run whose store is missing or cannot be read."""
_LOG_LINES = 200
_LOG_BYTES = 64 * 1024
_MOST_SPEC_BYTES = 2**20


def about(root: Root, folder: RunFolder, everything: Everything) -> RunResponse:
    """One run; `everything` is what its journal knows."""
    return {
        "card": run_card(folder),
        "spec": spec_of(folder),
        "facts": everything["facts"],
        "metrics": everything["metrics"],
        "steerable": everything["steerable"],
        "log": last_lines(root.log_of(folder.id)),
    }


def hello(folder: RunFolder, everything: Everything) -> HelloMessage:
    """All that a page gets of a run first."""
    return {"type": "hello", "card": run_card(folder), "spec": spec_of(folder), **everything}


def spec_of(folder: RunFolder) -> dict[str, Any]:
    """The run's spec as it stands in its folder, unchecked; empty where it cannot be read."""
    try:
        path = inside(folder, "spec.yaml")
        if path.stat().st_size > _MOST_SPEC_BYTES:
            return {}
        return read_yaml(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError, TileworkError):
        return {}


def last_lines(log: Path, most: int = _LOG_LINES) -> list[str]:
    """The end of what a process has printed; empty where it was not started here."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _LOG_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    return [line.rstrip() for line in text.splitlines()][-most:]
