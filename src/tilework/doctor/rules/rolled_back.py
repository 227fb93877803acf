"""The guard took the run back to an earlier state."""

from __future__ import annotations

from typing import ClassVar

from tilework.doctor.case import Case
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Evidence, Finding, Fix, Severity, Words
from tilework.doctor.learning_rate import lower

_REASONS = {
    "not-finite": "the loss or its gradient was infinite or NaN for several steps in a row",
    "loss-spike": "the loss rose suddenly, and stayed there",
    "weights-not-finite": "weights were infinite or NaN",
    "validation-not-finite": "validation was infinite or NaN",
}
SOME = 2
"""Rollbacks, from which on chance is no explanation."""


class Rule(Base):
    """**What**: the loss jumped or stayed infinite, and the guard took the run back to the last good state, with a lower
    learning rate from there on.

    **Measured**: events of the kind `rolled-back`, against 2. One is good to know, and the run is sound; several mean
    that the settings are at the edge.

    **Fix**: a lower learning rate, or a clipped gradient, from the start.
    """

    follows_from: ClassVar = ("learning-rate-high", "loss-diverging", "loss-spiking", "codebook-frozen", "norm-drift")

    def judge(self, case: Case) -> Finding | None:
        events = case.store.events("rolled-back")
        if not events:
            return None
        clipped = case.setting("optimizer.clip_norm", 0) is not None
        many = len(events) >= SOME
        return Finding(
            code="rolled-back",
            severity=Severity.WARNING if many else Severity.INFO,
            step=events[0].step,
            measured=float(len(events)),
            threshold=float(SOME),
            values={"last": events[-1].step, "reason": str(events[-1].payload.get("reason", ""))},
            evidence=Evidence(("loss", "grad_norm"), "train"),
            fix=Fix(lower(case) if clipped else {"optimizer.clip_norm": 1.0}) if many else None,
        )

    def words(self, finding: Finding) -> Words:
        count = int(finding.measured)
        return Words(
            title=f"the run was taken back to an earlier state {'once' if count == 1 else f'{count:,} times'}, "
            f"last at step {finding.values['last']:,}",
            cause=_REASONS.get(
                finding.values["reason"], "the loss jumped, or was infinite or NaN for several steps in a row"
            ),
            advice="the run went on from the last good state with a lower learning rate, and its weights are sound",
        )
