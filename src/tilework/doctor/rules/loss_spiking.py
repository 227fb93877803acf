"""The training loss jumps up and comes back, again and again."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from tilework.doctor.case import Case
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import CannotJudge, Evidence, Finding, Fix, Missing, Severity, Words
from tilework.doctor.learning_rate import lower
from tilework.doctor.training_loss import smooth, steady_loss

HIGH = 3.0
"""Times the median of the ten rows before: rows are means over steps, so that one step was far higher."""
BACK = 1.5
"""Times that median, to which it must come back; what stays up is no spike."""
BEFORE, FEWEST, SHARE = 10, 3, 0.01


class Rule(Base):
    """**What**: single steps throw the model back, and it learns the same again and again.

    **Measured**: rows whose loss is 3 times the median of the ten rows before and that are followed within ten rows by one
    below 1.5 times it, against 3, or one in a hundred rows of a long run. The first ten rows are not judged. Terms count with
    the weights of now.

    **Mistaken for it**: a weight that steps up (the loss stays up); batches that differ much from each other.

    **Fix**: the gradient's norm is clipped where it was not; else a lower learning rate. The weights are good.
    """

    follows_from: ClassVar = ("learning-rate-high", "loss-diverging", "skipped-steps")

    def judge(self, case: Case) -> Finding | None:
        loss = steady_loss(case, least=5)
        if len(loss) < 2 * BEFORE:
            raise CannotJudge(Missing.STEPS, name="loss", split="train", have=len(loss), need=2 * BEFORE)
        usual = np.concatenate([[np.nan], smooth(loss.values, BEFORE)[:-1]])
        spikes: list[int] = []
        high = (usual > 0) & ~(loss.values <= HIGH * usual)
        for row in np.flatnonzero(high[BEFORE:]) + BEFORE:
            later = loss.values[row + 1 : row + 1 + BEFORE]
            if (later <= BACK * usual[row]).any() and not (spikes and row - spikes[-1] == 1):
                spikes.append(int(row))
        least = max(FEWEST, int(np.ceil(SHARE * len(loss))))
        if len(spikes) < least:
            return None
        highest = max(
            (float(loss.values[row] / usual[row]) for row in spikes if np.isfinite(loss.values[row])), default=0.0
        )
        clipped = case.setting("optimizer.clip_norm") is not None
        return Finding(
            code="loss-spiking",
            severity=Severity.WARNING,
            step=int(loss.steps[spikes[0]]),
            measured=float(len(spikes)),
            threshold=float(least),
            values={"highest": highest, "clipped": clipped},
            evidence=Evidence(
                ("loss", "grad_norm"), "train", (int(loss.steps[spikes[0]]), int(loss.steps[spikes[-1]]))
            ),
            fix=Fix(lower(case) if clipped else {"optimizer.clip_norm": 1.0}),
        )

    def words(self, finding: Finding) -> Words:
        highest = finding.values["highest"]
        return Words(
            title=f"the training loss has jumped {int(finding.measured)} times and come back"
            + (f", by up to {highest:.3g} times" if highest else ""),
            cause="steps are too long for some batches" if finding.values["clipped"] else "nothing clips the gradient",
            advice="shorter steps cost little and keep what was learned",
        )
