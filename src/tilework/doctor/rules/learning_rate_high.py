"""The learning rate is too high for the optimiser and the batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from tilework.doctor.case import Case
from tilework.doctor.contract import PRIOR
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Evidence, Finding, Fix, Severity, Words
from tilework.doctor.learning_rate import times_usual, usual, usual_again
from tilework.doctor.schedules import LR, largest
from tilework.doctor.training_loss import smooth, steady_loss

HIGH = 5.0
"""Times the usual rate. Up to three times it often trains, only rougher."""
STUCK = 0.02
"""Of its level, that the loss moves from the second quarter of the rows to the last while nothing is learned."""
BLOWN, WRECKED = 2.0, 20.0
"""Times its value before the first step, that the loss of some row was: without coming back since, and whether or not."""
EXTREME, EARLY, FLAT = 20.0, 0.1, 0.05
"""Times the usual rate from which on a loss that is flat in the first tenth of the budget is enough: by 5 % in half of its
rows."""
ROWS, FIRST = 10, 50


class Rule(Base):
    """**What**: steps are so long that training does not settle: the loss blows up, rises, or sticks where everything is one
    constant.

    **Measured**: the highest learning rate of the schedule over the usual one for the optimiser and the batch (Adam 1e-3,
    Muon 2e-3; below a batch of 32 with the root of the batch), against 5, together with a sign of harm in the training loss:
    infinite or NaN rows, a row twice as high as before the first step from which it has not come back (or 20 times), a loss
    that has risen by half since its lowest, or one that has not moved by 2 % since the second quarter while nothing is
    learned (images come back without any detail, a prior codes no better than by the share of each code); from 20 times the
    usual rate on, by 5 % within the first tenth of the budget. A high rate that trains well is no finding.

    **Mistaken for it**: the plateau of the mean image, in which the loss still moves by more.

    **Fix**: the usual rate; the weights are not kept.
    """

    def judge(self, case: Case) -> Finding | None:
        times = times_usual(case)
        if not times > HIGH:
            return None
        loss = steady_loss(case, least=5)
        sign = self._sign(case, loss.values, times)
        if sign is None:
            if case.step < FIRST:
                case.curve("loss", "train", least=ROWS)
            return None
        return Finding(
            code="learning-rate-high",
            severity=Severity.ERROR,
            step=0,
            measured=times,
            threshold=HIGH,
            values={
                "lr": largest(case, LR), "usual": usual(case), "batch": int(case.setting("engine.batch_size", 0)),
                "optimizer": str(case.setting("optimizer.kind", "adam")), "sign": sign,
            },
            evidence=Evidence(("loss", "grad_norm"), "train"),
            fix=Fix(usual_again(case), keep_weights=False),
        )  # fmt: skip

    @staticmethod
    def _sign(case: Case, loss: np.ndarray[Any, Any], times: float) -> str | None:
        if not np.isfinite(loss[-5:]).all():
            return "broken"
        before, highest = case.known_at_start("loss"), float(np.nanmax(loss))
        if before > 0 and (
            highest > WRECKED * before or (highest > BLOWN * before and np.nanmedian(loss[-5:]) > before / 2)
        ):
            return "blown"
        if len(loss) < ROWS:
            return None
        level = smooth(loss, 5)
        lowest, now = float(np.nanmin(level)), float(level[-1])
        if lowest > 0 and now > 1.5 * lowest:
            return "rising"
        quarter = len(loss) // 4
        second, last = np.median(loss[quarter : 2 * quarter]), np.median(loss[-quarter:])
        moved = abs(second - last) / max(abs(float(second)), 1e-12)
        early = times > EXTREME and case.progress < EARLY and moved < FLAT
        return "stuck" if case.step >= 2 * FIRST and (early or (moved < STUCK and _nothing_learned(case))) else None

    def words(self, finding: Finding) -> Words:
        values = finding.values
        sign = {
            "broken": "the loss is infinite or NaN",
            "blown": "the loss rose above what it was before the first step",
            "rising": "the loss rises",
            "stuck": "the loss sticks",
        }
        return Words(
            title=f"the learning rate {values['lr']:g} is {finding.measured:.3g} times what is usual for "
            f"{values['optimizer']} and batches of {values['batch']:,}, and {sign[values['sign']]}",
            cause=f"each step overshoots; usual is {values['usual']:.2g}",
            advice="begin again at the usual rate",
        )


def _nothing_learned(case: Case) -> bool:
    """Whether what comes out is one and the same: images without detail, codes by their share alone."""
    if case.task == PRIOR:
        return case.known("bits") > 0.98 * case.known("coding.unigram")
    return case.known("detail") < 0.1
