"""Reading a run's store, while it is written or long after. Every method sees whole batches only and blocks nobody."""

from __future__ import annotations

import json
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tilework.runs.connection import store_errors
from tilework.runs.records import GONE, Command, Event, Finding, Snapshot

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class StoreReader:
    """The questions that may be asked of a store. Each may be asked from any thread; damage is raised as a
    UserError."""

    def __init__(self, db: Path, connection: sqlite3.Connection) -> None:
        self.db = db
        self._reading = connection
        self._one_at_a_time = threading.Lock()

    def _before_reading(self) -> None:
        """A store that also writes makes sure here that its own rows are seen."""

    def _ask(self, query: str, *values: Any) -> list[Any]:
        self._before_reading()
        with store_errors(self.db), self._one_at_a_time:
            return self._reading.execute(query, values).fetchall()

    def series(self) -> list[tuple[str, str]]:
        """(name, split) of every curve, in the order in which they first appeared."""
        return [(name, split) for name, split in self._ask("SELECT name, split FROM series ORDER BY id")]

    def metrics(self, name: str, split: str = "train") -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """One curve: steps and values, sorted by step; two empty arrays where there is none. NaN and infinities as logged."""
        import numpy as np

        found = self._ask(
            "SELECT step, value FROM metrics WHERE series_id = (SELECT id FROM series WHERE name = ? AND split = ?)"
            " ORDER BY step",
            name,
            split,
        )
        steps = np.fromiter((step for step, _ in found), dtype=np.int64, count=len(found))
        values = np.fromiter((_number(value) for _, value in found), dtype=np.float64, count=len(found))
        return steps, values

    def rows(self, split: str = "train") -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """Steps at which anything was logged for a split, their epochs, and the seconds since 1970 at which it was logged."""
        import numpy as np

        found = self._ask("SELECT step, epoch, time FROM rows WHERE split = ? ORDER BY step", split)
        columns = np.array(found, dtype=np.float64).reshape(-1, 3)
        return columns[:, 0].astype(np.int64), columns[:, 1], columns[:, 2]

    def last(self, name: str, split: str = "train") -> float | None:
        """The newest value of one curve, or None."""
        found = self._ask(
            "SELECT value FROM metrics WHERE series_id = (SELECT id FROM series WHERE name = ? AND split = ?)"
            " ORDER BY step DESC LIMIT 1",
            name,
            split,
        )
        return _number(found[0][0]) if found else None

    def latest(self) -> dict[str, Any]:
        """Where the run stands: {step, epoch, time, written, steps: {split: newest step},
        values: {split: {name: newest value}}}, all from one moment.

        `step` is 0 and `time` None before anything was logged; `written` is the time of the newest row or event.
        """
        self._before_reading()
        with store_errors(self.db), self._one_at_a_time:
            self._reading.execute("BEGIN")  # several questions, one snapshot
            try:
                newest = self._reading.execute(
                    "SELECT step, epoch, (SELECT max(time) FROM rows) FROM rows ORDER BY step DESC, epoch DESC LIMIT 1"
                ).fetchone()
                found = self._reading.execute(
                    "SELECT split, name, (SELECT value FROM metrics WHERE series_id = id ORDER BY step DESC LIMIT 1),"
                    " EXISTS (SELECT 1 FROM metrics WHERE series_id = id) FROM series ORDER BY id"
                ).fetchall()
                steps = dict(self._reading.execute("SELECT split, max(step) FROM rows GROUP BY split"))
                (happened,) = self._reading.execute("SELECT max(time) FROM events").fetchone()
            finally:
                self._reading.execute("COMMIT")
        values: dict[str, dict[str, float]] = {}
        for split, name, value, exists in found:
            if exists:
                values.setdefault(split, {})[name] = _number(value)
        step, epoch, time = newest or (0, 0.0, None)
        written = max((at for at in (time, happened) if at is not None), default=None)
        return {"step": step, "epoch": epoch, "time": time, "written": written, "steps": steps, "values": values}

    def events(self, kind: str | None = None) -> list[Event]:
        """What happened, in order; of one kind, or all."""
        found = self._ask(
            "SELECT id, time, step, kind, payload, rewound FROM events WHERE ? IS NULL OR kind = ? ORDER BY id",
            kind,
            kind,
        )
        return [Event(i, time, step, k, json.loads(payload), bool(r)) for i, time, step, k, payload, r in found]

    def findings(self, code: str | None = None) -> list[Finding]:
        """What was found to go wrong, in order; of one code, or all."""
        found = self._ask(
            "SELECT id, time, step, code, severity, payload FROM findings WHERE ? IS NULL OR code = ? ORDER BY id",
            code,
            code,
        )
        return [Finding(i, time, step, c, severity, json.loads(p)) for i, time, step, c, severity, p in found]

    def standing(self) -> list[Finding]:
        """Of each code what was found last, where that still holds; in the order in which they were found."""
        newest = {found.code: found for found in self.findings()}
        return sorted((f for f in newest.values() if f.payload.get("change") != GONE), key=lambda f: f.id)

    def snapshots(self, kind: str | None = None) -> list[Snapshot]:
        """Stored files by step; of one kind, or all."""
        found = self._ask(
            "SELECT id, step, epoch, kind, file, payload FROM snapshots WHERE ? IS NULL OR kind = ? ORDER BY step, id",
            kind,
            kind,
        )
        return [Snapshot(i, step, epoch, k, file, json.loads(p)) for i, step, epoch, k, file, p in found]

    def commands(self) -> list[Command]:
        """Every command ever sent, in order: the journal of interventions."""
        self._before_reading()
        return self._commands("")

    def _commands(self, where: str) -> list[Command]:
        with store_errors(self.db), self._one_at_a_time:
            found = self._reading.execute(
                f"SELECT id, time, kind, payload, status, applied_step FROM commands {where} ORDER BY id"
            ).fetchall()
        return [Command(i, time, kind, json.loads(p), status, applied) for i, time, kind, p, status, applied in found]

    def get_meta(self, key: str, default: Any = None) -> Any:
        """One fact about the run, as it was set."""
        found = self._ask("SELECT value FROM meta WHERE key = ?", key)
        return json.loads(found[0][0]) if found else default

    def meta(self) -> dict[str, Any]:
        """All facts about the run."""
        return {key: json.loads(value) for key, value in self._ask("SELECT key, value FROM meta")}


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
