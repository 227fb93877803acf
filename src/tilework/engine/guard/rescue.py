"""What the loop does with the guard's judgement: events, a rollback, or the end of the run with its last good state."""

from __future__ import annotations

import math
from typing import Any, NoReturn

from tilework.engine.desk import Desk
from tilework.engine.failures import never_finite, not_recovered
from tilework.engine.guard.guard import Alarm
from tilework.engine.judging import validation
from tilework.engine.ranks import Votes
from tilework.engine.session import Session
from tilework.engine.tasks.contract import Validation
from tilework.errors import RunFailure
from tilework.runs.guarding import LEVEL_CHANGED, NOT_RECOVERED, ROLLED_BACK, STEP_SKIPPED, AlarmReason


def look(session: Session, desk: Desk, votes: Votes) -> None:
    """Judge the steps since the last look, and act. Collective. Raises RunFailure where the run cannot be saved."""
    found = session.guard.look(session.steering.weights(), votes.mean)
    if found.skipped is not None:
        skipped = vars(found.skipped)
        desk.guarded(STEP_SKIPPED, **{name: value for name, value in skipped.items() if name != "far" or value})
    if found.level is not None:
        desk.guarded(LEVEL_CHANGED, **vars(found.level))
    if found.alarm is not None:
        recover(session, desk, found.alarm)


def recover(session: Session, desk: Desk, alarm: Alarm) -> None:
    """Go back to the last good state. Raises RunFailure where that has been done too often, with the good state as the last
    checkpoint. Collective."""
    guard = session.guard
    if not guard.settings.enabled:
        desk.finding(NOT_RECOVERED, "error", reason=alarm.reason, **alarm.values)
        raise never_finite(session.step, alarm.values["in_row"], alarm.values["terms"])
    if not guard.can_roll_back:
        _end(session, desk, alarm)
    guard.roll_back()
    desk.guarded(ROLLED_BACK, **_payload(session, alarm))


def validated(session: Session, desk: Desk) -> Validation:
    """Pass over the validation split; where that is not finite, once more with the last good state. Collective. Raises RunFailure
    where it still is not."""
    guard = session.guard
    for attempt in range(2):
        # Weights that are the good state's are not made better by going back to them.
        helps = guard.settings.enabled and guard.good.step not in {-1, session.step}
        try:
            found = validation(session)
        except RunFailure:
            # With several processes the others may not have met it, and wait.
            if not (helps and session.parts.compute.alone):
                raise
        else:
            if not helps or math.isfinite(found.metrics.get("loss", 0.0)):
                return found
        alarm = Alarm(AlarmReason.VALIDATION)
        if attempt:
            _end(session, desk, alarm)
        recover(session, desk, alarm)
    raise AssertionError


def _end(session: Session, desk: Desk, alarm: Alarm) -> NoReturn:
    """Leave the last good state as the last checkpoint, beside the best one."""
    guard = session.guard
    guard.put_back()
    payload = _payload(session, alarm)
    error = not_recovered(session.step, payload)
    guard.rolled = []  # who resumes it tries again, at the lower learning rate
    desk.finding(NOT_RECOVERED, "error", **payload)
    desk.saver.save()
    raise error


def _payload(session: Session, alarm: Alarm) -> dict[str, Any]:
    guard, state = session.guard, session.state
    return {
        "reason": alarm.reason,
        **alarm.values,
        "back_to": guard.good.step,
        "lr_factor": state.slowdown.factor(session.step, guard.settings.recover_steps),
        "rollbacks": len(guard.rolled),
    }
