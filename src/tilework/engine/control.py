"""What a person asks of a run while it goes on: read between two steps, carried out alike on every rank, journaled."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tilework.engine.ranks import shared
from tilework.engine.record import Record
from tilework.engine.session import Session
from tilework.engine.steering import Steering
from tilework.engine.watch import Watch
from tilework.errors import UserError
from tilework.runs.folder import RunFolder
from tilework.runs.records import Command
from tilework.runs.store import RunStore

LOOK_SECONDS = 1.0
"""How often the store is asked without a bell (a sender that could not ring)."""
_NAP = 0.004


@dataclass(frozen=True)
class Order:
    """One command to carry out; `before_step` is the step (from 1) that is the first to feel it."""

    kind: str
    payload: dict[str, Any] = field(default_factory=dict)
    id: int | None = None
    """Its number in the store; None = not in the store yet (a repeated run, a reset)."""
    before_step: int = 0


def journal(commands: Sequence[Command], statuses: tuple[str, ...] = ("applied",)) -> list[Order]:
    """The interventions among commands that change what a run computes, in the order in which they took effect."""
    found = [
        Order(c.kind, c.payload, c.id, c.applied_step)
        for c in commands
        if c.status in statuses and c.kind in {"set", "revive"} and c.applied_step is not None
    ]
    return sorted(found, key=lambda order: (order.before_step, order.id or 0))


def told_after(run: RunFolder, step: int) -> tuple[Order, ...]:
    """What a run had been told after the checkpoint that it goes on from: it is told again at the same steps.

    Not where the run failed, for what it was told may be why.
    """
    with RunStore.open(run.db) as store:
        if any(event.kind == "failed" and event.step >= step and not event.rewound for event in store.events("failed")):
            return ()
        told = journal(store.commands(), ("applied", "undone"))
    return tuple(order for order in told if order.before_step > step)


class Control:
    """The desk between the loop and whoever steers. Collective where a run has several processes.

    `script`: orders that are carried out at their step without being asked: a repeated run, or what a killed run had been
    told after its last checkpoint.
    """

    def __init__(
        self,
        session: Session,
        record: Record | None,
        watch: Watch | None,
        script: Sequence[Order] = (),
        *,
        tell: Callable[[str], None],
    ) -> None:
        self.session, self.record, self.watch, self.tell = session, record, watch, tell
        self.steering = Steering(session)
        self.script = deque(script)
        self.paused = False
        self.ending: Literal["", "stop", "reset"] = ""
        self.snapshot_asked = False
        self.applied: deque[dict[str, Any]] = deque(maxlen=32)
        self._left: int | None = None
        self._told = "running"
        self._pace: float | None = None
        self._slot = 0.0
        self._bell = -1
        self._looked = 0.0
        self._waiting: list[Order] = []
        if record is not None:
            record.store.set_meta("steerable", self.steering.described())

    # What the loop asks ----------------------------------------------------------------------------------------------

    @property
    def wanted(self) -> bool:
        """Whether `obey` has anything to do before the next step; the main process knows. Microseconds."""
        if self.record is None:
            return False
        if self.script and self.script[0].before_step <= self._next_step:
            return True
        return self._look() or self.paused

    def _look(self) -> bool:
        """Whether commands wait in the store, which is asked only after a bell or once a second."""
        if self._waiting or self.record is None:
            return bool(self._waiting)
        bell = self.watch.live.bell if self.watch is not None else 0
        now = time.monotonic()
        if bell == self._bell and now - self._looked < LOOK_SECONDS:
            return False
        self._bell, self._looked = bell, now
        self._waiting = [Order(c.kind, c.payload, c.id, self._next_step) for c in self.record.store.commands_pending()]
        return bool(self._waiting)

    def obey(self, idle: Callable[[], bool]) -> None:
        """Carry out what waits, and stand still while paused. `idle` is called meanwhile (on every rank, alike); True ends it."""
        while True:
            for order in shared(self.session.accelerator, self._due()):
                self._carry_out(order)
            self._publish("paused" if self.paused else "running")
            if not self.paused or self.ending or idle():
                return
            self._rest()

    def stepped(self) -> None:
        """One step was taken: count single steps down, and hold slow motion's pace."""
        if self._left is not None:
            self._left -= 1
            if self._left <= 0:
                self._left, self.paused = None, True
        if self._pace and not self.paused and self.record is not None:
            self._slot = max(self._slot + 1 / self._pace, time.monotonic() - 1 / self._pace)
            while (left := self._slot - time.monotonic()) > 0 and not self.wanted:
                time.sleep(min(left, _NAP))
                self._publish("running")

    @property
    def pace(self) -> float | None:
        """Steps a second that slow motion allows."""
        return self._pace

    # Orders ----------------------------------------------------------------------------------------------------------

    @property
    def _next_step(self) -> int:
        return self.session.position.step + 1

    def _due(self) -> list[Order]:
        """What is to be carried out now, oldest first (main process)."""
        due = []
        while self.script and self.script[0].before_step <= self._next_step:
            due.append(self.script.popleft())
        if self._look():
            due, self._waiting = due + self._waiting, []
        return due

    def _rest(self) -> None:
        """Wait for a bell, for a tenth of a second at most, keeping the picture alive for who watches."""
        end = time.monotonic() + 0.1
        while time.monotonic() < end and self.record is not None:
            time.sleep(_NAP)
            if self.watch is not None and self.watch.live.bell != self._bell:
                return

    def _carry_out(self, order: Order) -> None:
        try:
            said = getattr(self, f"_do_{order.kind}")(order)
        except UserError as error:
            self._answer(order, "refused", {"message": f"{error.what}; {error.fix or error.why}".strip("; ")})
            return
        except AttributeError:
            if hasattr(self, f"_do_{order.kind}"):
                raise
            said = None
            self._answer(order, "refused", {"message": f"there is no command '{order.kind}'"})
            return
        self._answer(order, "applied", said or {})

    def _answer(self, order: Order, status: str, said: dict[str, Any]) -> None:
        step = self._next_step
        if self.record is not None:
            number = order.id
            if number is None:
                number = self.record.store.command(order.kind, **order.payload)
            self.record.store.command_done(number, step, status, **said)
            self.applied.append(
                {"id": number, "kind": order.kind, "step": step, "status": status}
                | {key: order.payload.get(key) for key in ("name", "value") if key in order.payload}
                | said
            )
        if status == "refused":
            self.tell(f"step {step:,}: refused: {said['message']}")

    # Each kind -------------------------------------------------------------------------------------------------------

    def _do_set(self, order: Order) -> dict[str, Any]:
        name, value = str(order.payload.get("name")), float(order.payload.get("value", float("nan")))
        before = self.steering.set(name, value)
        if self.record is not None:
            self.record.event("set", name=name, before=before, value=value)
        self.tell(f"from step {self._next_step:,}: {name} {before:g} -> {value:g}")
        return {"before": before}

    def _do_revive(self, order: Order) -> dict[str, Any]:
        if not self.session.model.bottleneck.can_revive:
            raise UserError(
                "codes of this run cannot be revived", fix="start a run with bottleneck.revival.enabled=true"
            )
        return {"message": f"{self.session.model.bottleneck.revive()} codes are due"}

    def _do_pause(self, order: Order) -> None:
        if not self.paused:
            self.tell(f"paused after step {self.session.position.step:,}")
        self.paused, self._left = True, None

    def _do_run(self, order: Order) -> None:
        if self.paused:
            self.tell("goes on")
        self.paused, self._left = False, None

    def _do_step(self, order: Order) -> None:
        session = self.session
        to_epoch = session.micro_batches_per_epoch - session.position.batch
        per_step = session.spec.optimizer.accumulate
        whole = -(-to_epoch // per_step)
        self._left = whole if order.payload.get("epoch") else int(order.payload.get("n", 1))
        self.paused = False

    def _do_pace(self, order: Order) -> None:
        pace = order.payload.get("steps_per_second")
        self._pace, self._slot = (float(pace) if pace else None), time.monotonic()

    def _do_snapshot(self, order: Order) -> None:
        self.snapshot_asked = True

    def _do_stop(self, order: Order) -> None:
        self.ending, self.paused = "stop", False

    def _do_reset(self, order: Order) -> None:
        self.ending, self.paused = "reset", False

    def _publish(self, state: str) -> None:
        if self.ending:
            state = "stopping"
        elif self.record is not None and state != self._told:
            self._told = state
            self.record.store.set_meta("status", state)  # the list of runs reads it there
        if self.watch is not None:
            self.watch.show(self, state)
