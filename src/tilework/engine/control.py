"""The desk between the loop and whoever steers: commands are carried out between two steps, and recorded."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from tilework.engine.orders import Order
from tilework.engine.record import Record
from tilework.engine.session import Session
from tilework.engine.steering import LR
from tilework.errors import UserError
from tilework.protocol.frame import Applied, State
from tilework.runs.stop_reason import StopReason

LOOK_SECONDS = 1.0
"""How often the store is asked without a bell (a sender that could not ring)."""
_NAP = 0.004


@dataclass(frozen=True)
class ControlState:
    """How a run stands for whoever watches and steers it."""

    state: State
    pace: float | None
    """Steps a second that slow motion allows; None = no limit."""
    applied: tuple[Applied, ...] = ()
    """The newest answered commands, oldest first."""
    following: str | None = None
    """After a reset, the id of the run that comes next."""


@dataclass
class Line:
    """How the main process hears of commands and shows what became of them."""

    bell: Callable[[], int] = lambda: 0
    """A number that changes when somebody has sent a command."""
    publish: Callable[[ControlState], None] = lambda state: None
    message: Callable[[str], None] = lambda text: None


@dataclass
class _Mode:
    """Whether and how fast a run goes on."""

    paused: bool = False
    left: int | None = None
    """Steps until the next pause."""
    pace: float | None = None
    slot: float = 0.0
    """When slow motion allows the next step."""


@dataclass
class _Inbox:
    """Commands that are known and not carried out yet."""

    script: deque[Order]
    waiting: list[Order] = field(default_factory=list)
    bell: int = -1
    looked: float = 0.0


class Control:
    """Collective where a run has several processes: each calls `obey`, the main process knows what there is to do.

    `script`: orders that are carried out at their step without being asked: a repeated run, or what a killed run had been
    asked after its last checkpoint.
    """

    def __init__(self, session: Session, record: Record | None, line: Line, script: Sequence[Order] = ()) -> None:
        self.session, self.record, self.line = session, record, line
        self.stop_reason: StopReason | None = None
        """ASKED or RESET, once somebody wants the run to end."""
        self.snapshot_asked = False
        self.applied: deque[Applied] = deque(maxlen=32)
        self._mode, self._inbox = _Mode(), _Inbox(deque(script))
        self._published = "running"
        if record is not None:
            record.store.set_meta("steerable", session.steering.described())

    # What the loop asks ----------------------------------------------------------------------------------------------

    @property
    def wanted(self) -> bool:
        """Whether `obey` has anything to do before the next step; the main process knows. Microseconds."""
        if self.record is None:
            return False
        script = self._inbox.script
        if script and script[0].before_step <= self._next_step:
            return True
        return self._look() or self._mode.paused

    def obey(self, idle: Callable[[], bool]) -> None:
        """Carry out what waits, and stand still while paused. `idle` is called meanwhile, on every process; True ends it."""
        while True:
            for order in self.session.parts.compute.shared(self._due()):
                self._carry_out(order)
            self._publish("paused" if self._mode.paused else "running")
            if not self._mode.paused or self.stop_reason or idle():
                return
            self._rest()

    def stepped(self) -> None:
        """One step was taken: count single steps down, and hold slow motion's pace."""
        mode = self._mode
        if mode.left is not None:
            mode.left -= 1
            if mode.left <= 0:
                mode.left, mode.paused = None, True
        if mode.pace and not mode.paused and self.record is not None:
            mode.slot = max(mode.slot + 1 / mode.pace, time.monotonic() - 1 / mode.pace)
            while (left := mode.slot - time.monotonic()) > 0 and not self.wanted:
                time.sleep(min(left, _NAP))
                self._publish("running")

    def state(self, state: State, following: str | None = None) -> ControlState:
        """How the run stands, for whoever watches."""
        return ControlState(state, self._mode.pace, tuple(self.applied), following)

    # Orders ----------------------------------------------------------------------------------------------------------

    @property
    def _next_step(self) -> int:
        return self.session.step + 1

    def _look(self) -> bool:
        """Whether commands wait in the store, which is asked only after a bell or once a second."""
        inbox = self._inbox
        if inbox.waiting or self.record is None:
            return bool(inbox.waiting)
        bell, now = self.line.bell(), time.monotonic()
        if bell == inbox.bell and now - inbox.looked < LOOK_SECONDS:
            return False
        inbox.bell, inbox.looked = bell, now
        inbox.waiting = [Order(c.kind, c.payload, c.id, self._next_step) for c in self.record.store.commands_pending()]
        return bool(inbox.waiting)

    def _due(self) -> list[Order]:
        """What is to be carried out now, oldest first (main process)."""
        due, inbox = [], self._inbox
        while inbox.script and inbox.script[0].before_step <= self._next_step:
            due.append(inbox.script.popleft())
        if self._look():
            due, inbox.waiting = due + inbox.waiting, []
        return due

    def _rest(self) -> None:
        """Wait for a bell, for a tenth of a second at most."""
        end = time.monotonic() + 0.1
        while time.monotonic() < end and self.record is not None:
            time.sleep(_NAP)
            if self.line.bell() != self._inbox.bell:
                return

    def _carry_out(self, order: Order) -> None:
        own = getattr(self, f"_do_{order.kind}", None)
        try:
            response = own(order) if own is not None else self.session.parts.task.do(order.kind)
        except UserError as error:
            self._refuse(order, error)
            return
        if own is None and response is None:
            self._refuse(order, UserError(f"there is no command '{order.kind}'"))
            return
        if own is None:
            self.session.guard.history.forget()  # what a task does by hand may make the loss jump
        self._respond(order, "applied", response or {})

    def _refuse(self, order: Order, error: UserError) -> None:
        self._respond(order, "refused", {"error": error.parts()})
        more = error.fix or error.why
        self.line.message(f"step {self._next_step:,}: refused: {error.what}{f'; {more}' if more else ''}")

    def _respond(self, order: Order, status: str, response: dict[str, Any]) -> None:
        step = self._next_step
        if self.record is not None:
            number = order.id
            if number is None:
                number = self.record.store.command(order.kind, **order.payload)
            self.record.store.command_done(number, step, status, **response)
            applied = {"id": number, "kind": order.kind, "step": step, "status": status}
            applied |= {key: order.payload[key] for key in ("name", "value") if key in order.payload}
            self.applied.append(cast(Applied, applied | response))

    # Each kind -------------------------------------------------------------------------------------------------------

    def _do_set(self, order: Order) -> dict[str, Any]:
        name, value = str(order.payload.get("name")), float(order.payload.get("value", float("nan")))
        steering = self.session.steering
        stays = steering.stays(name)
        before = steering.set(name, value)
        if name != LR and not name.startswith("objective."):  # the guard judges under the weights of now
            self.session.guard.history.forget()
        if stays and value == before:  # A reset sets again what was set by hand, also what was set back.
            return {"before": before}
        if self.record is not None:
            self.record.event("set", name=name, before=before, value=value)
        self.line.message(f"from step {self._next_step:,}: {name} {before:g} -> {value:g}")
        return {"before": before}

    def _do_pause(self, order: Order) -> None:
        if not self._mode.paused:
            self.line.message(f"paused after step {self.session.step:,}")
        self._mode.paused, self._mode.left = True, None

    def _do_run(self, order: Order) -> None:
        if self._mode.paused:
            self.line.message("goes on")
        self._mode.paused, self._mode.left = False, None

    def _do_step(self, order: Order) -> None:
        budget = self.session.parts.budget
        whole = -(-self.session.state.position.to_epoch(budget) // budget.accumulate)
        self._mode.left = whole if order.payload.get("epoch") else int(order.payload.get("n", 1))
        self._mode.paused = False

    def _do_pace(self, order: Order) -> None:
        pace = order.payload.get("steps_per_second")
        self._mode.pace, self._mode.slot = (float(pace) if pace else None), time.monotonic()

    def _do_snapshot(self, order: Order) -> None:
        self.snapshot_asked = True

    def _do_stop(self, order: Order) -> None:
        self.stop_reason, self._mode.paused = StopReason.ASKED, False

    def _do_reset(self, order: Order) -> None:
        self.stop_reason, self._mode.paused = StopReason.RESET, False

    def _publish(self, state: State) -> None:
        if self.stop_reason:
            state = "stopping"
        elif self.record is not None and state != self._published:
            self._published = state
            self.record.store.set_meta("status", state)  # the list of runs reads it there
        self.line.publish(self.state(state))
