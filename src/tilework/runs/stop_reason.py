"""Why a run ended, as a value. Whoever shows it to a person words it with `stop_text`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class StopReason(StrEnum):
    """Why a run ended in good order."""

    ALL_STEPS = "all-steps"
    EARLY_STOPPING = "early-stopping"
    ASKED = "asked"
    """The command `stop`, from the studio or a shell."""
    RESET = "reset"
    INTERRUPT = "interrupt"
    """Ctrl-C."""
    TERMINATED = "terminated"
    """SIGTERM."""
    OUT_OF_TIME = "out-of-time"
    """`engine.stop_after_minutes`."""
    STEP_LIMIT = "step-limit"
    """A replay ends where the run that it repeats ended."""

    @property
    def finished(self) -> bool:
        """Whether the run came to its end; else it was stopped before."""
        return self in {StopReason.ALL_STEPS, StopReason.EARLY_STOPPING}

    @property
    def by_a_person(self) -> bool:
        """Whether somebody ended it: the command then returns as after Ctrl-C."""
        return self in {StopReason.INTERRUPT, StopReason.TERMINATED, StopReason.ASKED}


_TEXT = {
    StopReason.ALL_STEPS: "all {steps:,} steps are done",
    StopReason.EARLY_STOPPING: "no improvement for a while (early stopping)",
    StopReason.ASKED: "asked to stop",
    StopReason.RESET: "reset",
    StopReason.INTERRUPT: "Ctrl-C",
    StopReason.TERMINATED: "asked to end (SIGTERM)",
    StopReason.OUT_OF_TIME: "engine.stop_after_minutes is over",
    StopReason.STEP_LIMIT: "it was to end after step {steps:,}",
}


def stop_reason(payload: Mapping[str, Any]) -> StopReason | None:
    """The reason in the payload of an event `finished` or `stopped`; None where an older tilework wrote a sentence alone."""
    value = payload.get("stop")
    return StopReason(value) if value in set(StopReason) else None


def stop_text(payload: Mapping[str, Any]) -> str:
    """The reason in words, for a person; the sentence itself where an older tilework wrote one."""
    reason = stop_reason(payload)
    if reason is None:
        return str(payload.get("reason", ""))
    steps = payload.get("steps")
    return _TEXT[reason].format(steps=steps if isinstance(steps, int) else 0)
