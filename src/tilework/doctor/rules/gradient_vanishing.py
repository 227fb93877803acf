"""No gradient reaches the weights."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from tilework.doctor.case import Case
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import CannotJudge, Evidence, Finding, Fix, Missing, Severity, Words
from tilework.doctor.learning_rate import lower, times_usual
from tilework.doctor.training_loss import fallen

GONE = 1e-4
"""Of its first norm. Runs that have converged keep a hundredth to a thousandth."""
LEARNED = 0.99
"""Of its first value that the loss has lost where there is simply nothing left to learn."""
ROWS, FIRST = 5, 50


class Rule(Base):
    """**What**: the gradient is (nearly) zero though there is much left to learn: units are dead, or an output is saturated.

    **Measured**: the norm of the whole gradient, before clipping, median of the newest 5 rows, over that of the first ones,
    against 0.0001, from step 50 on and while the loss still has a hundredth of its first value.

    **Mistaken for it**: a run that has converged.

    **Cause**: a ReLU in front of the output; ReLUs that one long step has killed.

    **Fix**: the ReLU before the output is removed; a learning rate above the usual is lowered; else leaky ReLUs, which cannot
    die.
    """

    follows_from: ClassVar = ("output-cut", "dead-units", "learning-rate-high", "loss-diverging")

    def judge(self, case: Case) -> Finding | None:
        norm = case.curve("grad_norm", "train", least=2 * ROWS).finite()
        if len(norm) < 2 * ROWS:
            raise CannotJudge(Missing.STEPS, name="grad_norm", split="train", have=len(norm), need=2 * ROWS)
        if case.step < FIRST:
            raise CannotJudge(Missing.STEPS, have=case.step, need=FIRST)
        first = min(float(norm.values[0]), float(np.median(norm.values[:ROWS])))
        now = float(np.median(norm.values[-ROWS:]))
        share = now / first if first > 0 else 0.0
        if share >= GONE or fallen(case) > LEARNED:
            return None
        gone = norm.steps[norm.values <= GONE * first]
        return Finding(
            code="gradient-vanishing",
            severity=Severity.ERROR,
            step=int(gone[0]) if len(gone) else int(norm.steps[-1]),
            measured=share,
            threshold=GONE,
            values={"first": first, "now": now, "final_relu": case.setting("decoder.final_relu") is True},
            evidence=Evidence(("grad_norm", "loss"), "train"),
            fix=Fix(self._changes(case), keep_weights=False),
        )

    @staticmethod
    def _changes(case: Case) -> dict[str, Any]:
        if case.setting("decoder.final_relu") is True:
            return {"decoder.final_relu": False}
        if times_usual(case) > 3 or case.setting("encoder.activation", "") not in {"relu"}:
            return lower(case)
        return {"encoder.activation": "leaky_relu"}

    def words(self, finding: Finding) -> Words:
        values = finding.values
        return Words(
            title=f"the gradient has vanished: its norm is {values['now']:.1g} and was {values['first']:.3g}",
            cause="a ReLU in front of the output passes no gradient where it is 0"
            if values["final_relu"]
            else "units that are 0 for every image pass no gradient, and stay so",
            advice="begin again: dead units do not come back",
        )
