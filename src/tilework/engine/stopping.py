"""Ways that a run ends early: a signal, the clock, a limit, no more improvement."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from tilework.runs.stop_reason import StopReason
from tilework.spec import EngineSettings, Plateau
from tilework.spec.model import EarlyStopping


class Interrupt:
    """Ctrl-C or SIGTERM, remembered until the loop has a good moment to stop."""

    def __init__(self) -> None:
        self.asked = False
        self.name = ""
        self._since = 0.0

    @contextmanager
    def listening(self) -> Iterator[Interrupt]:
        """Catch SIGINT and SIGTERM within this block. The first asks; a second Ctrl-C, a second later, interrupts at once."""
        if threading.current_thread() is not threading.main_thread():
            yield self  # Only the main thread may set handlers; the caller's own handling stays.
            return
        old = {s: signal.signal(s, self._handle) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self
        finally:
            for which, handler in old.items():
                signal.signal(which, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        # A launcher of several processes answers Ctrl-C with a SIGTERM of its own: only a later Ctrl-C is impatience.
        if self.asked and number == signal.SIGINT and time.monotonic() - self._since > 1.0:
            raise KeyboardInterrupt
        if not self.asked:
            self.asked, self.name, self._since = True, signal.Signals(number).name, time.monotonic()


_BY_SIGNAL = {"SIGINT": StopReason.INTERRUPT, "SIGTERM": StopReason.TERMINATED}


class Limits:
    """What ends a run before its last step: a signal, `engine.stop_after_minutes`, the end of the run that is repeated."""

    def __init__(self, interrupt: Interrupt, engine: EngineSettings, total_steps: int, until: int | None) -> None:
        self.interrupt = interrupt
        self.total_steps, self.last_step = total_steps, min(total_steps, until or total_steps)
        self._minutes, self._began = engine.stop_after_minutes, time.monotonic()

    @property
    def interrupted(self) -> bool:
        """Whether this process has been asked to end by a signal."""
        return self.interrupt.asked

    @property
    def out_of_time(self) -> bool:
        """Whether the time is over, by this process's clock."""
        return self._minutes is not None and time.monotonic() - self._began > self._minutes * 60

    def why(self, *, out_of_time: bool) -> StopReason:
        """Why the run stops now; a signal comes before the clock."""
        if out_of_time and not self.interrupted:
            return StopReason.OUT_OF_TIME
        return _BY_SIGNAL.get(self.interrupt.name, StopReason.ASKED)


@dataclass
class Patience:
    """Counts validations without improvement of a value that should fall.

    Improvement means lower than the best so far by `min_delta`, relative to the best where `relative`.
    """

    best: float = math.inf
    waited: int = 0

    def improved(self, value: float, min_delta: float, *, relative: bool = False) -> bool:
        """Take one validation's value; NaN never improves."""
        margin = min_delta * abs(self.best) if relative and math.isfinite(self.best) else min_delta
        if value < self.best - (margin if math.isfinite(self.best) else 0.0):
            self.best, self.waited = value, 0
            return True
        self.waited += 1
        return False


@dataclass
class PlateauState:
    """How often a plateau schedule has cut its value so far."""

    patience: Patience
    cuts: int = 0

    def validated(self, value: float, schedule: Plateau) -> bool:
        """Take one validation's value; True if the schedule's value is cut now."""
        if (
            self.patience.improved(value, schedule.min_delta, relative=True)
            or self.patience.waited <= schedule.patience
        ):
            return False
        self.patience.waited = 0
        self.cuts += 1
        return True


def should_stop_early(patience: Patience, value: float, settings: EarlyStopping) -> bool:
    """Take one validation's value; True when it has not improved for `settings.patience` validations."""
    patience.improved(value, settings.min_delta)
    return patience.waited >= settings.patience
