"""Steps were skipped because their loss or gradient was infinite, NaN or far beyond those before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from tilework.doctor.case import Case
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Evidence, Finding, Fix, Severity, Words
from tilework.doctor.learning_rate import lower
from tilework.runs.records import Event

SHARE, FEW = 0.01, 3
"""Of the steps, and how many there must be: a single bad batch in a hundred steps costs nothing."""
KINDS = ("step-skipped", "skipped-steps")


class Rule(Base):
    """**What**: the guard refused steps whose loss or gradient was not finite, or whose gradient was over 100 times the largest
    of the steps before. The weights are unharmed; what those batches had to teach is lost.

    **Measured**: skipped steps as a share of all, against 0.01, and more than 3; fewer are good to know. Steps
    that the loss scaler of fp16 leaves out are not among them: it finds its scale that way.

    **Cause**: a learning rate that is too high, an unclipped gradient, half precision, or broken images in the data.

    **Fix**: the gradient's norm is clipped where it was not; under fp16, float32; else a lower learning rate.
    """

    follows_from: ClassVar = ("learning-rate-high", "loss-diverging")

    def judge(self, case: Case) -> Finding | None:
        events = [event for event in case.events if event.kind in KINDS]
        if not events:
            return None
        count = _count(events)
        share = count / max(1, case.step, events[-1].step)
        much = share > SHARE and count > FEW
        far = sum(own for event in events if isinstance(own := event.payload.get("far"), int))
        terms = sorted({str(term) for event in events for term in event.payload.get("terms") or ()})
        return Finding(
            code="skipped-steps",
            severity=Severity.WARNING if much else Severity.INFO,
            step=events[0].step,
            measured=share,
            threshold=SHARE,
            values={"count": count, "first": events[0].step, "last": events[-1].step, "terms": terms, "far": far},
            evidence=Evidence(("loss", "grad_norm"), "train", (events[0].step, events[-1].step)),
            fix=Fix(self._changes(case)) if much else None,
        )

    @staticmethod
    def _changes(case: Case) -> dict[str, Any]:
        if case.setting("engine.precision") == "fp16":
            return {"engine.precision": "float32"}
        if case.setting("optimizer.clip_norm", 0) is None:
            return {"optimizer.clip_norm": 1.0}
        return lower(case)

    def words(self, finding: Finding) -> Words:
        values = finding.values
        count, far = values["count"], values.get("far", 0)
        if far == count:
            return Words(
                title=f"{count:,} {'step was' if count == 1 else 'steps were'} skipped ({finding.measured:.2%}): far too large",
                cause="the gradient was over 100 times the largest of the steps before, first at step "
                f"{values['first']:,} and last at step {values['last']:,}",
                advice="look for images that are unlike the others, of another range or broken (`tilework data check`)",
            )
        return Words(
            title=f"{count:,} {'step was' if count == 1 else 'steps were'} skipped ({finding.measured:.2%}): infinite or NaN",
            cause=f"{', '.join(values['terms']) or 'the gradient'} left the range of floats, first at step "
            f"{values['first']:,} and last at step {values['last']:,}",
            advice="weights are unharmed: such steps change nothing"
            if finding.severity is Severity.INFO
            else "shorter or clipped steps stay finite; if not, look for broken images (`tilework data check`)",
        )


def _count(events: Sequence[Event]) -> int:
    """Skipped steps; runs of before the guard wrote at each row how many there had been in a row until then."""
    count = before = 0
    for event in events:
        in_row = event.payload.get("in_row")
        if isinstance(in_row, int):
            count += in_row - before if in_row > before else in_row
            before = in_row
        else:
            own = event.payload.get("count")
            count += max(1, own) if isinstance(own, int) else 1
    return count
