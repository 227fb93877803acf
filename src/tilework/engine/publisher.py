"""The live frames of a run, as often as its budget allows and only while somebody watches; and the timeline, always.

Shares of the training time bound what watching costs: MOTION for points, codes and usage, IMAGES for what has to be decoded. A
frame that took t seconds is followed by the next no sooner than t / share later.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any

from tilework.engine.control import ControlState
from tilework.engine.frame_budget import FrameBudget, clock_of
from tilework.engine.frame_header import FrameHeader
from tilework.engine.record import Record
from tilework.engine.session import Session
from tilework.engine.tasks.contract import Arrays, NotFinite
from tilework.engine.timeline import Timeline
from tilework.protocol.frame import Channel, Cost
from tilework.runs.folder import RunFolder
from tilework.runs.frames import pack
from tilework.runs.live import LiveWriter

FRAMES_PER_SECOND = 30.0
MOTION, IMAGES = 0.025, 0.012
"""Shares of the training time."""
IMAGE_SECONDS = 0.5


class Publisher:
    """The run's live file and timeline; only the main process has one. It takes values and knows nothing of who steers."""

    def __init__(self, session: Session, run: RunFolder, record: Record) -> None:
        self.session, self.run = session, run
        self.live = LiveWriter(run.live)
        self.view = session.parts.task.view(session.parts.judged_weights)
        self.header = FrameHeader(session, self.view)
        self.timeline = Timeline(session, record, self.view, self.header)
        self._motion = FrameBudget(MOTION, 1 / FRAMES_PER_SECOND)
        self._images = FrameBudget(IMAGES, IMAGE_SECONDS)
        self._shown = _Shown()
        self._clock = clock_of(session.parts.compute.device)

    # From the loop ---------------------------------------------------------------------------------------------------

    def begin(self, state: ControlState) -> None:
        """The timeline begins with the model as it was made. What that takes is not of the training time."""
        self.timeline.begin(state)

    def stepped(self, kept: Sequence[Any], batches: Sequence[Any]) -> bool:
        """One step was taken; True where `show_step` has something to do, so that nothing is worked out for nobody."""
        self.view.stepped(kept, batches)
        self.header.count_rate()
        watched = self.live.watched
        self.session.parts.stepper.look_at_gradients = self.view.gradients if watched else None
        return watched or self.timeline.due

    def show_step(self, state: ControlState) -> None:
        """Frames and timeline of the step just taken."""
        if self.live.watched:
            self.show(state)
        if self.timeline.due:
            self.keep(state)

    def show(self, state: ControlState) -> None:
        """Frames for whoever watches, where they are due; a change of state is always shown."""
        changed = self._shown.changes_with(state)
        self.header.state = state.state
        if not self.live.watched:
            return
        now, step = time.monotonic(), self.session.step
        still = state.state != "running"
        if changed or now >= self._motion.next:
            began = self._clock()
            self._write("motion", state, self.view.motion(step, gradients=True))
            self._motion.spent(self._counted(began))
            if still:
                self._motion.next = time.monotonic() + 0.1
        due = still or now >= self._images.next  # Training that rests is not slowed down.
        if state.state in {"running", "paused"} and due and self._shown.images_of != step:
            began = self._clock()
            with contextlib.suppress(NotFinite):  # The page shows how old its images are.
                self._write("images", state, self.view.images(still=still))
            self._images.spent(self._counted(began))
            self._shown.images_of = step

    def _counted(self, began: float) -> float:
        """What a frame took of the training time: nothing before the first step, where a slow one would keep the next away."""
        return self._clock() - began if self.session.step else 0.0

    def keep(self, state: ControlState, *, last: bool = False) -> None:
        """One frame for the timeline."""
        self.timeline.keep(state, last=last, follow=not self.live.watched)

    def close(self, state: ControlState) -> None:
        """The last frame, and the live file is gone: what is left to see is in the timeline."""
        self.show(state)
        self.live.close()
        self.run.live.unlink(missing_ok=True)

    def _write(self, channel: Channel, state: ControlState, arrays: Arrays) -> None:
        costs: Cost = {
            "motion_ms": 1e3 * self._motion.cost,
            "pictures_ms": 1e3 * self._images.cost,
            "share": MOTION + IMAGES,
        }
        self.live.write(channel, pack(self.header.of(channel, state, costs), arrays))


class _Shown:
    """What the newest frames have shown."""

    def __init__(self) -> None:
        self.state, self.answered, self.images_of = "", 0, -1

    def changes_with(self, state: ControlState) -> bool:
        """Whether this state or its newest answer is new: who moved a slider waits for it."""
        answered = state.applied[-1]["id"] if state.applied else 0
        changed = state.state != self.state or answered != self.answered
        self.state, self.answered = state.state, answered
        return changed
