"""The training loss does not fall from where it began."""

from __future__ import annotations

from typing import Any, ClassVar

from tilework.doctor.case import Case
from tilework.doctor.contract import PRIOR
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import CannotJudge, Evidence, Finding, Fix, Missing, Severity, Words
from tilework.doctor.learning_rate import steps_since_warm_up, times_usual, usual_again
from tilework.doctor.training_loss import fallen, started_trained, steady_loss

LEAST, LEAST_OF_A_PRIOR = 0.05, 0.005
"""Of its first value, that the loss must have lost. The first steps of an autoencoder learn the mean image and halve it; a
prior's first steps learn how often each code occurs, which may be little."""
FIRST, FIRST_OF_A_PRIOR = 100, 300
"""Steps with the full learning rate behind them."""


class Rule(Base):
    """**What**: nothing is learned: after a hundred steps the training loss is where it was.

    **Measured**: the share of its first value that the training loss has lost (median of the newest 5 rows), against 0.05,
    after 100 steps at full learning rate; for a prior 0.005 after 300.

    **Mistaken for it**: warm-up, which is not counted; a plateau later on, which healthy runs pass through (the mean image)
    and end in; a run that began with trained weights, which is not judged.

    **Cause**: a learning rate far off, a gradient that does not reach the weights, a term that is a constant.

    **Fix**: the usual learning rate, where it is not near it.
    """

    follows_from: ClassVar = (
        "learning-rate-low",
        "learning-rate-high",
        "gradient-vanishing",
        "gradient-always-clipped",
        "term-constant",
        "output-cut",
        "constant-output",
        "dead-units",
        "loss-diverging",
        "codebook-collapse",
        "kl-vanishing",
    )

    def judge(self, case: Case) -> Finding | None:
        prior = case.task == PRIOR
        first, least = (FIRST_OF_A_PRIOR, LEAST_OF_A_PRIOR) if prior else (FIRST, LEAST)
        share = fallen(case, least=5)
        warm = steps_since_warm_up(case)
        if warm < first:
            raise CannotJudge(Missing.STEPS, have=warm, need=first)
        if share >= least or started_trained(case):
            return None
        loss = steady_loss(case)
        times = times_usual(case)
        changes: dict[str, Any] = usual_again(case) if not 1 / 3 <= times <= 3 else {}
        return Finding(
            code="loss-stalled",
            severity=Severity.ERROR,
            step=int(loss.steps[0]),
            measured=share,
            threshold=least,
            values={"first": float(loss.values[0]), "now": loss.last, "steps": warm},
            evidence=Evidence(("loss",), "train"),
            fix=Fix(changes, keep_weights=False) if changes else None,
        )

    def words(self, finding: Finding) -> Words:
        values = finding.values
        return Words(
            title=f"nothing is learned: after {values['steps']:,} steps the training loss is {values['now']:.4g} and was "
            f"{values['first']:.4g}",
            cause="the gradient does not reach the weights, or steps are far too short or too long",
            advice="overfit one batch first (`tilework check`): a model that cannot learn one batch learns nothing",
        )
