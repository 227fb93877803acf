"""What a frame holds beside its arrays: step, state, settings, newest metrics. docs/studio.md lists the fields."""

from __future__ import annotations

import time

from tilework.engine.control import ControlState
from tilework.engine.session import Session
from tilework.engine.tasks.contract import View
from tilework.protocol.frame import VERSION, Channel, Cost, MadeHeader, State

_NO_COSTS: Cost = {"motion_ms": 0.0, "pictures_ms": 0.0, "share": 0.0}


class FrameHeader:
    """Makes the headers of a run's frames."""

    def __init__(self, session: Session, view: View) -> None:
        self.session, self.view = session, view
        self.state: State = "running"
        """The state of the newest frame."""
        self.metrics: dict[str, float] = {}
        """The newest logged row."""
        self.rate = 0.0
        self.costs = _NO_COSTS
        self._frames: dict[Channel, int] = {"motion": 0, "images": 0, "timeline": 0}
        self._rate_from = (time.monotonic(), session.step)

    def count_rate(self) -> None:
        """One step was taken."""
        now, (then, step) = time.monotonic(), self._rate_from
        if now - then >= 0.5:
            self.rate = (self.session.step - step) / (now - then)
            self._rate_from = (now, self.session.step)

    def of(self, channel: Channel, state: ControlState, costs: Cost | None = None) -> MadeHeader:
        """The header of the next frame of a channel."""
        session, budget = self.session, self.session.parts.budget
        self._frames[channel] += 1
        self.costs = costs or self.costs
        return {
            "v": VERSION,
            "channel": channel,
            "seq": self._frames[channel],
            "time": time.time(),
            "step": session.step,
            "epoch": session.epochs,
            "total_steps": budget.total_steps,
            "steps_per_epoch": budget.steps_per_epoch,
            "state": self.state,
            "steps_per_second": self.rate,
            "pace": state.pace,
            "values": session.steering.values(),
            "applied": list(state.applied),
            "figures": self.metrics,
            "next": state.following,
            "cost": self.costs,
            "view": self.view.header(),
        }
