"""Logged rows: what the steps since the last one measured, for the store, the trackers and whoever watches."""

from __future__ import annotations

import time

from tilework.engine.guard import check_finite
from tilework.engine.progress import Progress, Tick
from tilework.engine.record import Record
from tilework.engine.session import Session


class Rows:
    """Makes the rows of a run. Collective: every process logs, the main one writes."""

    def __init__(self, session: Session, record: Record | None, progress: Progress) -> None:
        self.session, self.record, self.progress = session, record, progress
        self._last, self._from = time.monotonic(), session.step

    @property
    def complete(self) -> bool:
        """Whether every step is in a row."""
        return self.session.step == self._from

    def log(self) -> dict[str, float]:
        """One row of the steps since the last; returns its values. Raises RunFailure where they stay infinite."""
        session, task = self.session, self.session.parts.task
        values = session.state.tally.take()
        added = task.row(values)
        values |= added.values
        skipped = int(session.parts.stepper.skipped_in_row)
        now = time.monotonic()
        rate = (session.step - self._from) / max(now - self._last, 1e-9)
        self._last, self._from = now, session.step
        if self.record is not None:
            values |= session.steering.used()
            self.record.row({**values, "steps_per_second": rate}, "train")
            for kind, payload in added.events:
                self.record.event(kind, **payload)
            if skipped:
                self.record.event("skipped-steps", in_row=skipped)
            self.progress.ticked(Tick(session.step, session.epochs, rate, values))
        check_finite(session.step, skipped, session.parts.spec.engine.nonfinite_steps, values)
        return values
