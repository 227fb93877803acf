"""The frames that a run keeps, so that its whole history can be looked at: about 48 each time that it doubles 1.4 times."""

from __future__ import annotations

import contextlib
import time
import zlib

from tilework.engine.control import ControlState
from tilework.engine.frame_budget import FrameBudget, clock_of
from tilework.engine.frame_header import FrameHeader
from tilework.engine.record import Record
from tilework.engine.session import Session
from tilework.engine.tasks.contract import NotFinite, View
from tilework.runs.atomic import atomic_write_bytes
from tilework.runs.frames import pack

TIMELINE, DECODED = 0.01, 0.005
"""Shares of the training time: of a kept frame, and of what is costly in it."""
FIRST_STEPS, FIRST_SECONDS = 16, 1.0
"""Each of the first steps is kept, whatever its share, as long as that takes no longer in all."""


class Timeline:
    """Keeps frames in the snapshots folder; the spacing grows with the run."""

    def __init__(self, session: Session, record: Record, view: View, header: FrameHeader) -> None:
        self.session, self.record, self.view, self.header = session, record, view, header
        self._begun = bool(record.store.snapshots("live"))
        """Whether it has its first frame, the one with the original images."""
        self._next, self._whole = session.step, -1
        self._clock = clock_of(session.parts.compute.device)
        self._budgets()

    def _budgets(self) -> None:
        self._frames, self._costly = FrameBudget(TIMELINE, 0.0), FrameBudget(DECODED, 0.0)

    def begin(self, state: ControlState) -> None:
        """The first frame, of the model as it was made. What that takes is not of the training time."""
        if not self._begun:
            self.keep(state)
            self._budgets()

    @property
    def due(self) -> bool:
        """Whether the step just taken is to be kept."""
        step = self.session.step
        if step < self._next:
            return False
        first = step <= FIRST_STEPS and self._frames.total + self._costly.total < FIRST_SECONDS
        return first or time.monotonic() >= self._frames.next

    def keep(self, state: ControlState, *, last: bool = False, follow: bool = True) -> None:
        """One frame. What is costly is in it as often as its share of the time allows, and in the `last`."""
        step, began = self.session.step, self._clock()
        if last and step == self._whole:
            return
        arrays = self.view.motion(step, follow=follow)
        with contextlib.suppress(NotFinite):
            arrays |= self.view.kept(first=not self._begun)
        costly = 0.0
        if last or time.monotonic() >= self._costly.next:
            before = self._clock()
            with contextlib.suppress(NotFinite):
                arrays |= self.view.costly()
            costly = self._clock() - before
            self._costly.spent(costly)
            self._whole = step
        name = f"live-{step:08d}.frame"
        data = pack(self.header.of("timeline", state), arrays)
        folder = self.record.run.snapshots
        folder.mkdir(exist_ok=True)
        atomic_write_bytes(folder / name, zlib.compress(data, 1), sync=False)
        self.record.store.snapshot(step, self.session.epochs, "live", f"snapshots/{name}")
        self._begun, self._next = True, step + max(1, step // 48)
        self._frames.spent(self._clock() - began - costly)
