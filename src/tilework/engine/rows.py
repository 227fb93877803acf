"""Logged rows: what the steps since the last one measured, for the store, the trackers and whoever watches."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from tilework.engine.progress import Progress, Tick
from tilework.engine.record import Record
from tilework.engine.session import Session


class Rows:
    """Makes the rows of a run. Collective: every process logs, the main one writes."""

    def __init__(self, session: Session, record: Record | None, progress: Progress) -> None:
        self.session, self.record, self.progress = session, record, progress
        self._last, self._from = time.monotonic(), session.step
        self._waited = 0.0

    def next_batches(self, stream: Iterator[Any], count: int) -> list[Any]:
        """The next micro-batches; how long they were waited for is part of the next row."""
        began = time.monotonic()
        found = list(islice(stream, count))
        self._waited += time.monotonic() - began
        return found

    @property
    def complete(self) -> bool:
        """Whether every step is in a row."""
        return self.session.step == self._from

    def log(self) -> dict[str, float]:
        """One row of the steps since the last; returns its values."""
        session, task = self.session, self.session.parts.task
        values = session.state.tally.take()
        added = task.row(values)
        values |= added.values
        now = time.monotonic()
        passed = max(now - self._last, 1e-9)
        speed = {"steps_per_second": (session.step - self._from) / passed, "data_wait": min(1.0, self._waited / passed)}
        self._last, self._from, self._waited = now, session.step, 0.0
        if self.record is not None:
            values |= session.steering.used()
            self.record.row({**values, **speed}, "train")
            for kind, payload in added.events:
                self.record.event(kind, **payload)
            self.progress.ticked(Tick(session.step, session.epochs, speed["steps_per_second"], values))
        return values
