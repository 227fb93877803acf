"""The rows of a run that goes on: each look reads only what is new since the last."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from tilework.runs.reader import StoreReader
from tilework.runs.records import Event

if TYPE_CHECKING:
    from numpy.typing import NDArray

Curve = tuple["NDArray[np.int64]", "NDArray[np.float64]"]


class Following(StoreReader):
    """Reads the store of a run in the process that writes it. Nothing may be rewound meanwhile: it remembers what it has read."""

    def __init__(self, store: StoreReader) -> None:
        super().__init__(store.db, store._reading)
        self._store = store
        self._known: dict[tuple[str, str], Curve] = {}
        self._seen: list[Event] = []

    def _before_reading(self) -> None:
        self._store._before_reading()

    def metrics(self, name: str, split: str = "train") -> Curve:
        """As `StoreReader.metrics`. The newest step is read again: it may have been logged anew."""
        known = self._known.get((name, split))
        if known is None or not len(known[0]):
            self._known[name, split] = super().metrics(name, split)
            return self._known[name, split]
        newest = int(known[0][-1])
        found = self._ask(
            "SELECT step, value FROM metrics WHERE series_id = (SELECT id FROM series WHERE name = ? AND split = ?)"
            " AND step >= ? ORDER BY step",
            name,
            split,
            newest,
        )
        steps = np.array([step for step, _ in found], dtype=np.int64)
        values = np.array([np.nan if value is None else value for _, value in found], dtype=np.float64)
        self._known[name, split] = np.concatenate([known[0][:-1], steps]), np.concatenate([known[1][:-1], values])
        return self._known[name, split]

    def events(self, kind: str | None = None) -> list[Event]:
        """As `StoreReader.events`."""
        after = self._seen[-1].id if self._seen else 0
        found = self._ask("SELECT id, time, step, kind, payload, rewound FROM events WHERE id > ? ORDER BY id", after)
        self._seen += [Event(i, time, step, k, json.loads(payload), bool(r)) for i, time, step, k, payload, r in found]
        return [event for event in self._seen if kind is None or event.kind == kind]
