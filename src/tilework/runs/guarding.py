"""What the guard of a run does, as values that its events carry; `guard_text` words them where they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

STEP_SKIPPED, ROLLED_BACK, LEVEL_CHANGED = "step-skipped", "rolled-back", "loss-level-changed"
"""Kinds of its events."""
NOT_RECOVERED = "not-recovered"
"""Code of the finding that a run ends with where no rollback helps."""


class AlarmReason(StrEnum):
    """Why the guard acts."""

    NOT_FINITE = "not-finite"
    """Too many steps in a row had an infinite or NaN loss or gradient."""
    SPIKE = "loss-spike"
    """The loss has risen suddenly, and stays there."""
    WEIGHTS = "weights-not-finite"
    """A weight, a moment of the optimiser or an averaged weight is infinite or NaN."""
    VALIDATION = "validation-not-finite"
    """The model gives NaN or infinity in evaluation."""


def alarm_text(payload: Mapping[str, Any]) -> str:
    """Why the guard acts, from the payload of `rolled-back` or of the finding: `the loss rose from 0.021 to 3.4`. Raises as
    `guard_text` does."""
    reason = payload["reason"]
    if reason == AlarmReason.NOT_FINITE:
        return f"{_listed(payload)} infinite or NaN for {payload['in_row']:,} steps in a row"
    if reason == AlarmReason.SPIKE:
        return f"the loss rose from {payload['usual']:.3g} to {payload['loss']:.3g}"
    if reason == AlarmReason.WEIGHTS:
        return "weights or moments of the optimiser are infinite or NaN"
    if reason == AlarmReason.VALIDATION:
        return "the validation is infinite or NaN"
    raise ValueError(f"no reason of the guard: {reason}")


def guard_text(kind: str, payload: Mapping[str, Any]) -> str | None:
    """An event of the guard in words; None for one of another kind. Raises KeyError, ValueError or TypeError for a payload that
    is not one of its own."""
    if kind == STEP_SKIPPED:
        first, last, count = payload["first"], payload["last"], payload["count"]
        where = f"step {first:,} was" if count == 1 else f"{count:,} of the steps {first:,} to {last:,} were"
        return f"{where} skipped: {_why_skipped(payload)}"
    if kind == ROLLED_BACK:
        return (
            f"went back to the weights of step {payload['back_to']:,}: {alarm_text(payload)}; "
            f"learning rate x {payload['lr_factor']:.3g}"
        )
    if kind == LEVEL_CHANGED:
        return (
            f"the loss is {payload['loss']:.3g} where it was {payload['usual']:.3g}, with the same weights: the data or the "
            "objective has changed"
        )
    return None


def _why_skipped(payload: Mapping[str, Any]) -> str:
    far, count = payload.get("far", 0), payload["count"]
    if far and far == count:
        return "the gradient was over 100 times the largest of the steps before"
    return f"{_listed(payload)} infinite or NaN" + (
        f", or over 100 times the largest before ({far:,} times)" if far else ""
    )


def _listed(payload: Mapping[str, Any]) -> str:
    """`mse is`, `mse, kl are`, `the gradient is`."""
    terms = [str(term) for term in payload.get("terms", ())]
    named = {"loss": "the loss"}
    if not terms:
        return "the gradient is"
    return f"{', '.join(named.get(term, term) for term in terms)} {'is' if len(terms) == 1 else 'are'}"
