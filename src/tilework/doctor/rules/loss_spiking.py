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
ALONE, UNLIKE = 5.0, 3.0
"""Times the mean of the other steps of its row that a single step must be; and times what the highest step of a row usually is:
small batches differ by much, all the time."""
BEFORE, FEWEST, SHARE = 10, 3, 0.01


class Rule(Base):
    """**What**: single steps throw the model back, and it learns the same again and again.

    **Measured**: rows whose loss is 3 times the median of the ten rows before and that are followed within ten rows by one
    below 1.5 times it, and rows in which a single step is 5 times the mean of the others and 3 times what the highest step of a
    row usually is; their number against 3, or one in a hundred rows of a long run. The first ten rows are not judged. Terms
    count with the weights of now; a single step, which is compared with its own row, with those of then.

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
        alone = _single_steps(case)
        alone = {step: times for step, times in alone.items() if step > loss.steps[BEFORE - 1]}
        at = sorted({*(int(loss.steps[row]) for row in spikes), *alone})
        least = max(FEWEST, int(np.ceil(SHARE * len(loss))))
        if len(at) < least:
            return None
        times = [float(loss.values[row] / usual[row]) for row in spikes if np.isfinite(loss.values[row])]
        highest = max([*times, *alone.values()], default=0.0)
        clipped = case.setting("optimizer.clip_norm") is not None
        return Finding(
            code="loss-spiking",
            severity=Severity.WARNING,
            step=at[0],
            measured=float(len(at)),
            threshold=float(least),
            values={"highest": highest, "clipped": clipped, "batches": at == sorted(alone)},
            evidence=Evidence(("loss", *(("loss_peak",) if alone else ()), "grad_norm"), "train", (at[0], at[-1])),
            fix=Fix(lower(case) if clipped else {"optimizer.clip_norm": 1.0}),
        )

    def words(self, finding: Finding) -> Words:
        values = finding.values
        cause = "steps are too long for some batches" if values["clipped"] else "nothing clips the gradient"
        return Words(
            title=f"the training loss has jumped {int(finding.measured)} times and come back"
            + (f", to as much as {values['highest']:.3g} times its usual value" if values["highest"] else ""),
            cause=f"single batches are unlike the others, and {cause}" if values.get("batches") else cause,
            advice="look at the images of such a batch; shorter steps cost little and keep what was learned"
            if values.get("batches")
            else "shorter steps cost little and keep what was learned",
        )


def _single_steps(case: Case) -> dict[int, float]:
    """Rows in which one step stands out, by their step: how many times the others' mean it is. Older runs do not record
    it."""
    if ("loss_peak", "train") not in case.names:
        return {}
    loss, peak = (case.curve(name, "train") for name in ("loss", "loss_peak"))
    if len(loss) != len(peak) or len(loss) < 2:
        return {}
    counted = np.diff(loss.steps, prepend=0).astype(float)
    with np.errstate(all="ignore"):
        others = (counted * loss.values - peak.values) / (counted - 1)
        times = np.where((counted > 1) & (others > 0), peak.values / others, np.nan)
    if not np.isfinite(times).any():
        return {}
    least = max(ALONE, UNLIKE * float(np.nanmedian(times)))
    return {int(loss.steps[row]): float(times[row]) for row in np.flatnonzero(times >= least)}
