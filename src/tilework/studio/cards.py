"""The list of runs as the page shows it: one card a run, read anew only where its folder has changed."""

from __future__ import annotations

import threading
from pathlib import Path
from urllib.parse import quote

from tilework.doctor.finding import Severity
from tilework.doctor.kept import findings_in
from tilework.doctor.words import words_of
from tilework.errors import TileworkError
from tilework.protocol.run import Headline, RunCard, RunStatus, Spark
from tilework.runs.connection import connect, store_errors
from tilework.runs.folder import RunFolder
from tilework.runs.lock import holder
from tilework.runs.status import RunInfo, run_info
from tilework.studio import curves
from tilework.studio.paths import Root

SHOWN = "('reconstructions', 'samples')"
"""Kinds of snapshots, for SQL, of which a run's thumbnail is made: of a prior its samples."""
_NOTHING: Spark = {"step": [], "loss": []}
_WATCHED_FILES = ("run.json", "run.db", "run.db-wal", "lock", "spec.yaml")


def run_card(folder: RunFolder) -> RunCard:
    """What the list shows about one run; never raises."""
    info = run_info(folder.path)
    findings = findings_in(info.findings)
    worst = min(findings, key=lambda finding: finding.severity.rank, default=None)
    spark, thumb = _drawn(folder) if info.status is not RunStatus.UNREADABLE else (_NOTHING, None)
    return {
        "id": info.id,
        "name": info.name,
        "status": info.status,
        "problem": info.problem or None,
        "step": info.step,
        "epoch": info.epoch,
        "total_steps": info.total_steps,
        "total_epochs": info.total_epochs,
        "val": dict(info.val),
        "headlines": _headlines(info),
        "val_step": info.val_step,
        "severity": worst.severity.value if worst is not None else None,
        "warnings": [words_of(f).title for f in findings if f.severity is not Severity.INFO and not f.because],
        "created": _created(info),
        "updated": info.updated,
        "seconds": info.seconds,
        "size_bytes": info.size_bytes,
        "spark": spark,
        "folder": str(folder.path.absolute()),
        "thumb": f"/api/runs/{quote(info.id)}/thumb.png?v={thumb}" if thumb is not None else None,
    }


def _headlines(info: RunInfo) -> list[Headline]:
    """The validation metrics that stand for the run."""
    return [
        {
            "label": metric.label,
            "unit": metric.unit,
            "values": list(values.values()),
            "most": info.val.get(metric.most),
        }
        for metric, values in info.headlines
    ]


def _created(info: RunInfo) -> float:
    return info.created if info.created is not None else info.updated


def _drawn(folder: RunFolder) -> tuple[Spark, int | None]:
    """The little line of the loss, and the step of the newest image."""
    if not folder.db.is_file():
        return _NOTHING, None
    try:
        with store_errors(folder.db):
            connection = connect(folder.db, readonly=True)
            try:
                (step,) = connection.execute(f"SELECT max(step) FROM snapshots WHERE kind IN {SHOWN}").fetchone()
                return curves.spark(connection), step
            finally:
                connection.close()
    except TileworkError:
        return _NOTHING, None


class Cards:
    """All cards of a folder of runs. May be asked from any thread; one asks at a time."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._known: dict[str, tuple[object, RunCard]] = {}
        self._one_at_a_time = threading.Lock()

    def all(self) -> list[RunCard]:
        """Every run, the one written to last first. Raises UserError where the folder cannot be listed."""
        with self._one_at_a_time:
            known, self._known = self._known, {}
            for name in self._root.names():
                folder = RunFolder(self._root.path / name)
                signature = _signature(folder.path)
                before = known.get(name)
                card = before[1] if before is not None and before[0] == signature else run_card(folder)
                self._known[name] = (signature, card)
            cards = [card for _, card in self._known.values()]
        return sorted(cards, key=lambda card: card["updated"], reverse=True)


def _signature(path: Path) -> object:
    """Changes with whatever a card is made of; costs a few looks at the folder."""
    found: list[object] = [holder(path) is not None]
    for name in _WATCHED_FILES:
        try:
            stat = (path / name).stat()
            found.append((stat.st_mtime_ns, stat.st_size))
        except OSError:
            found.append(None)
    return found
