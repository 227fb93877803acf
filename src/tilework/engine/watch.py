"""The live frames of a run, as often as its budget allows and only while somebody watches; and the timeline, always.

Shares of the training time bound what watching costs: MOTION for points, codes and usage, PICTURES for what has to be decoded. A
frame that took t seconds is followed by the next no sooner than t / share later.
"""

from __future__ import annotations

import contextlib
import math
import time
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tilework.data import Batch
from tilework.engine import snapshot
from tilework.engine.probe import NotFinite, Probe
from tilework.engine.record import Record
from tilework.engine.session import Session
from tilework.engine.step import StepResult
from tilework.runs.atomic import atomic_write_bytes
from tilework.runs.folder import RunFolder
from tilework.runs.frames import pack
from tilework.runs.live import LiveWriter

if TYPE_CHECKING:
    from tilework.engine.control import Control

FRAMES_PER_SECOND = 30.0
MOTION, PICTURES, TIMELINE, DECODED = 0.025, 0.012, 0.01, 0.005
"""Shares of the training time."""
PICTURE_SECONDS = 0.5
FIRST_STEPS, FIRST_SECONDS = 16, 1.0
"""Each of the first steps is kept for the timeline, whatever its share, as long as that takes no longer in all."""
TIMELINE_PICTURES, TIMELINE_BYTES = 8, 64 * 1024
"""A stored frame has as many reconstructions as a live one where they fit into so many bytes, and else so many."""


class _Budget:
    """When the next frame of a channel may be made."""

    def __init__(self, share: float, seconds: float) -> None:
        self.share, self.seconds = share, seconds
        self.next = 0.0
        self.cost = self.total = 0.0

    def spent(self, cost: float) -> None:
        self.total += cost
        self.cost = cost if self.cost == 0 else 0.8 * self.cost + 0.2 * cost
        self.next = time.monotonic() + max(self.seconds, self.cost / self.share)


class Watch:
    """The run's live file and timeline; only the main process has one."""

    def __init__(self, session: Session, run: RunFolder, record: Record) -> None:
        self.session, self.run, self.record = session, run, record
        self.live = LiveWriter(run.live)
        self.probe = Probe(session)
        self.figures: dict[str, float] = {}
        self.rate = 0.0
        self._motion = _Budget(MOTION, 1 / FRAMES_PER_SECOND)
        self._pictures = _Budget(PICTURES, PICTURE_SECONDS)
        self._timeline = _Budget(TIMELINE, 0.0)
        self._decoded = _Budget(DECODED, 0.0)
        self._frames = {"motion": 0, "pictures": 0, "timeline": 0}
        self._state, self._answered = "", 0
        self._picture_step = -1
        self._next_kept, self._whole = session.position.step, -1
        self._begun = bool(record.store.snapshots("live"))
        """Whether the timeline has its first frame, the one with the original pictures."""
        self._rate_from = (time.monotonic(), session.position.step)
        bytes_each = math.prod(session.store.shape)
        self._kept_pictures = max(TIMELINE_PICTURES, min(snapshot.PICTURES, TIMELINE_BYTES // max(1, bytes_each)))
        # On a CPU what counts is the time that this thread worked: while others have the core, training does not run either.
        self._clock = time.thread_time if session.accelerator.device.type == "cpu" else time.perf_counter

    # From the loop ---------------------------------------------------------------------------------------------------

    def begin(self, control: Control) -> None:
        """The timeline begins with the model as it was made. What that takes is not of the training time."""
        if not self._begun:
            self.keep(control)
            self._timeline, self._decoded = _Budget(TIMELINE, 0.0), _Budget(DECODED, 0.0)

    def stepped(self, control: Control, result: StepResult, batches: Sequence[Batch]) -> None:
        """One step was taken."""
        self.probe.rolling.seen(result.latents, batches)
        self._count_rate()
        watched = self.live.watched
        self.session.stepper.keep_code_gradient = watched
        if watched:
            self.show(control, "running")
        step = self.session.position.step
        first = step <= FIRST_STEPS and self._timeline.total + self._decoded.total < FIRST_SECONDS
        if step >= self._next_kept and (first or time.monotonic() >= self._timeline.next):
            self.keep(control)

    def show(self, control: Control, state: str, following: str | None = None) -> None:
        """Frames for whoever watches, where they are due; a change of state is always shown."""
        answered = control.applied[-1]["id"] if control.applied else 0
        changed = state != self._state or answered != self._answered  # Who moved a slider waits for this.
        self._state, self._answered = state, answered
        if not self.live.watched:
            return
        now = time.monotonic()
        still = state != "running"
        if changed or now >= self._motion.next:
            began = self._clock()
            self._write("motion", control, self.probe.motion(self.session.stepper.code_gradient), following)
            self._motion.spent(self._clock() - began)
            if still:
                self._motion.next = time.monotonic() + 0.1
        due = still or now >= self._pictures.next  # Training that rests is not slowed down.
        if state in {"running", "paused"} and due and self._picture_step != self.session.position.step:
            began = self._clock()
            with contextlib.suppress(NotFinite):  # The page says how old its pictures are.
                self._write("pictures", control, self.probe.pictures(still=still))
            self._pictures.spent(self._clock() - began)
            self._picture_step = self.session.position.step

    def keep(self, control: Control, *, last: bool = False) -> None:
        """One frame for the timeline. The spacing grows with the run: about 48 frames each time that it doubles 1.4 times.

        The codes are decoded for as many of them as their share of the time allows, and for the `last`.
        """
        step, began = self.session.position.step, self._clock()
        if last and step == self._whole:
            return
        arrays = self.probe.motion(follow=not self.live.watched)
        with contextlib.suppress(NotFinite):
            arrays |= self.probe.reconstructions(self._kept_pictures, originals=not self._begun)
        arrays.pop("codemap", None)
        decoding = 0.0
        if last or time.monotonic() >= self._decoded.next:
            before = self._clock()
            with contextlib.suppress(NotFinite):
                arrays |= self.probe.decoded()
            decoding = self._clock() - before
            self._decoded.spent(decoding)
            self._whole = step
        name = f"live-{step:08d}.frame"
        data = pack(self._header("timeline", control), arrays)
        self.run.snapshots.mkdir(exist_ok=True)
        atomic_write_bytes(self.run.snapshots / name, zlib.compress(data, 1), sync=False)
        self.record.store.snapshot(step, self.session.epoch, "live", f"snapshots/{name}")
        self._begun, self._next_kept = True, step + max(1, step // 48)
        self._timeline.spent(self._clock() - began - decoding)

    def close(self, control: Control, following: str | None = None) -> None:
        """The last frame, and the live file is gone: what is left to see is in the timeline."""
        self.show(control, "ended", following)
        self.live.close()
        self.run.live.unlink(missing_ok=True)

    # Frames ----------------------------------------------------------------------------------------------------------

    def _write(self, channel: str, control: Control, arrays: dict[str, Any], following: str | None = None) -> None:
        self.live.write(channel, pack(self._header(channel, control, following), arrays))

    def _header(self, channel: str, control: Control, following: str | None = None) -> dict[str, Any]:
        session, probe = self.session, self.probe
        self._frames[channel] += 1
        plane, grid = probe.plane, session.grid
        fixed, points = probe.rolling.untrained
        return {
            "v": 1,
            "channel": channel,
            "seq": self._frames[channel],
            "time": time.time(),
            "step": session.position.step,
            "epoch": session.epoch,
            "total_steps": session.total_steps,
            "steps_per_epoch": session.steps_per_epoch,
            "state": self._state or "running",
            "steps_per_second": self.rate,
            "pace": control.pace,
            "values": control.steering.values(),
            "applied": list(control.applied),
            "figures": self.figures,
            "next": following,
            "cost": {
                "motion_ms": 1e3 * self._motion.cost,
                "pictures_ms": 1e3 * self._pictures.cost,
                "share": MOTION + PICTURES,
            },
            "view": {
                "kind": plane.kind if plane else "plane",
                "dim": plane.dim if plane else 0,
                "levels": probe.levels,
                "codes": probe.codes,
                "grid": [grid.width, grid.height],
                "variance": plane.variance if plane else None,
                "points_of": "probe" if 0 < points == fixed else "window",
                "points_fixed": fixed,
                "fixed": probe.levels > 0 and not probe.learns_codes,
                "classes": list(session.store.classes),
            },
        }

    def _count_rate(self) -> None:
        now, (then, step) = time.monotonic(), self._rate_from
        if now - then >= 0.5:
            self.rate = (self.session.position.step - step) / (now - then)
            self._rate_from = (now, self.session.position.step)
