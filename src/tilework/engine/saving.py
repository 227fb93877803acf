"""When checkpoints are due, and what they take along."""

from __future__ import annotations

import time

from tilework.engine import checkpoint
from tilework.engine.progress import Progress
from tilework.engine.record import Record
from tilework.engine.saved_state import capture
from tilework.engine.session import Session


def seconds_between_saves(minutes: float, cost: float) -> float:
    """How long after a checkpoint that took `cost` seconds the next is due: `minutes` at most, a tenth of that where
    checkpoints stay below 1 % of the time. A small model loses seconds in a crash, not minutes."""
    return min(60 * minutes, max(6 * minutes, 100 * cost))


class Saver:
    """Writes the checkpoints of a run. The best weights since the last one wait here, in memory, for the next."""

    def __init__(self, session: Session, record: Record | None, progress: Progress) -> None:
        self.session, self.record, self.progress = session, record, progress
        self.best: checkpoint.Best | None = None
        self.saved_step = -1
        self._began = self._last = time.monotonic()
        self._seconds_before = session.state.position.seconds
        self._cost = 0.0

    def save(self) -> None:
        """A checkpoint of this step. Collective."""
        session, began = self.session, time.monotonic()
        session.state.position.seconds = self._seconds_before + began - self._began
        state = capture(session)
        if self.record is not None:
            self.record.checkpoint(state, self.best)
            self.progress.saved(session.step)
        self.best = None
        self._last, self.saved_step = time.monotonic(), session.step
        self._cost = self._last - began

    @property
    def due(self) -> bool:
        """Whether this step is to be saved, by this process's clock."""
        engine = self.session.parts.spec.engine
        wait = seconds_between_saves(engine.save_every_minutes, self._cost)
        by_steps = engine.save_every_steps is not None and self.session.step % engine.save_every_steps == 0
        return time.monotonic() - self._last > wait or by_steps

    @property
    def due_at_rest(self) -> bool:
        """Whether a run that stands still has steps that no checkpoint holds."""
        return self.session.step != self.saved_step and time.monotonic() - self._last > 10

    def keep_best(self) -> None:
        """These weights validate best so far."""
        parts = self.session.parts
        self.best = checkpoint.Best(
            self.session.step,
            {k: v.detach().clone() for k, v in parts.model.state_dict().items()},
            {k: v.clone() for k, v in parts.average.slow.items()} if parts.average else None,
        )
