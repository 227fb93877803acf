"""The learning rate is too low to get anywhere in the steps there are."""

from __future__ import annotations

from tilework.doctor.case import Case
from tilework.doctor.contract import PRIOR
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import CannotJudge, Evidence, Finding, Fix, Missing, Severity, Words
from tilework.doctor.learning_rate import steps_since_warm_up, times_usual, usual, usual_again
from tilework.doctor.schedules import LR, largest
from tilework.doctor.training_loss import fallen, started_trained

LOW = 0.03
"""Of the usual rate. Shipped recipes go down to a tenth."""
FALLEN, FALLEN_OF_A_PRIOR = 0.4, 0.03
"""Of its first value: an autoencoder at the usual rate has lost more after a hundred steps."""
FIRST = 100


class Rule(Base):
    """**What**: the loss falls, but at this rate the run ends long before it is down.

    **Measured**: the highest learning rate of the schedule over the usual one for the optimiser and the batch, against 0.03,
    together with a training loss that after 100 steps at full rate has lost less than 0.4 of its first value (a prior's:
    0.03), and that at this pace will not have lost all of it by the end of the run. Runs that began with trained weights are
    not judged: a small rate is right for them.

    **Mistaken for it**: warm-up, which is not counted.

    **Fix**: the usual rate; the weights are kept.
    """

    def judge(self, case: Case) -> Finding | None:
        times = times_usual(case)
        if not times < LOW:
            return None
        share, warm = fallen(case, least=5), steps_since_warm_up(case)
        if warm < FIRST:
            raise CannotJudge(Missing.STEPS, have=warm, need=FIRST)
        least = FALLEN_OF_A_PRIOR if case.task == PRIOR else FALLEN
        if share >= least or share / max(case.progress, 1e-9) >= 1 or started_trained(case):
            return None
        return Finding(
            code="learning-rate-low",
            severity=Severity.WARNING,
            step=0,
            measured=times,
            threshold=LOW,
            values={
                "lr": largest(case, LR), "usual": usual(case), "batch": int(case.setting("engine.batch_size", 0)),
                "optimizer": str(case.setting("optimizer.kind", "adam")), "fallen": share, "steps": warm,
            },
            evidence=Evidence(("loss",), "train"),
            fix=Fix(usual_again(case)),
        )  # fmt: skip

    def words(self, finding: Finding) -> Words:
        values = finding.values
        return Words(
            title=f"the learning rate {values['lr']:g} is {finding.measured:.2g} of what is usual for "
            f"{values['optimizer']} and batches of {values['batch']:,}; the "
            f"loss has fallen by {values['fallen']:.0%} in {values['steps']:,} steps",
            cause=f"steps are far too short; usual is {values['usual']:.2g}",
            advice="go on from these weights at the usual rate",
        )
