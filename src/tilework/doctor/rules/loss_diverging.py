"""The training loss rises, or is no number any more."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from tilework.doctor.case import Case, Curve
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import CannotJudge, Evidence, Finding, Fix, Missing, Severity, Words
from tilework.doctor.learning_rate import lower
from tilework.doctor.training_loss import smooth, steady_loss, thinned, width_for

RISEN = 2.0
"""Times its lowest that the loss must be."""
OF_THE_FALL = 0.25
"""Of all that the loss had fallen, that it must have risen again: a small loss doubles by chance."""
NEWEST, BROKEN = 5, 0.5
"""Of the newest rows, the share that must be infinite or NaN."""


class Rule(Base):
    """**What**: training no longer learns and goes the other way, or its numbers have left the range of floats.

    **Measured**: the running median of the training loss now over its lowest, against 2, where it has also risen by a quarter
    of all that it had fallen, for as long as the median is wide; or half of the newest 5 rows infinite or NaN. Loss terms
    count with the weights of now, so that ramps, staircases and settings changed by hand raise nothing.

    **Mistaken for it**: one bad batch (`loss-spiking`); a loss of nearly nothing that doubles by chance.

    **Fix**: the gradient's norm is clipped where it was not; under fp16, float32; else a lower learning rate. The weights are
    not kept: they are what went wrong.
    """

    follows_from: ClassVar = ("learning-rate-high", "codebook-frozen")

    def judge(self, case: Case) -> Finding | None:
        loss = steady_loss(case, least=NEWEST)
        newest = ~np.isfinite(loss.values[-NEWEST:])
        if newest.mean() >= BROKEN:
            first = int(loss.steps[~np.isfinite(loss.values)][0])
            return self._found(case, first, float(newest.mean()), BROKEN, {"broken": True})
        return self._risen(case, thinned(loss.finite()))

    def _risen(self, case: Case, loss: Curve) -> Finding | None:
        if len(loss) < 2 * NEWEST:
            raise CannotJudge(Missing.STEPS, name="loss", split="train", have=len(loss), need=2 * NEWEST)
        width = width_for(len(loss))
        smoothed = smooth(loss.values, width)
        best = int(np.argmin(smoothed))
        lowest, now, start = float(smoothed[best]), float(smoothed[-1]), float(np.median(loss.values[:2]))
        risen, scale = now - lowest, max(abs(lowest), 1e-12)
        noise = float(np.median(np.abs(loss.values - smoothed)))
        high = smoothed > lowest + (RISEN - 1) * scale
        since = np.arange(len(loss)) > best
        if not (
            risen / scale >= RISEN - 1
            and risen >= OF_THE_FALL * max(0.0, start - lowest)
            and risen > 5 * noise
            and (high & since).sum() >= width
        ):
            return None
        first = int(loss.steps[high & since][0])
        return self._found(case, first, 1 + risen / scale, RISEN, {"broken": False, "lowest": lowest, "now": now})

    @staticmethod
    def _found(case: Case, step: int, measured: float, threshold: float, values: dict[str, Any]) -> Finding:
        changes: dict[str, Any] = lower(case)
        if case.setting("engine.precision") == "fp16":
            changes = {"engine.precision": "float32"}
        elif case.setting("optimizer.clip_norm", 0) is None:
            changes = {"optimizer.clip_norm": 1.0}
        return Finding(
            code="loss-diverging",
            severity=Severity.ERROR,
            step=step,
            measured=measured,
            threshold=threshold,
            values={**values, "clipped": case.setting("optimizer.clip_norm") is not None},
            evidence=Evidence(("loss", "grad_norm"), "train"),
            fix=Fix(changes, keep_weights=False),
        )

    def words(self, finding: Finding) -> Words:
        values = finding.values
        return Words(
            title=f"the training loss has been infinite or NaN since step {finding.step:,}"
            if values["broken"]
            else f"the training loss has been rising since step {finding.step:,}: {values['now']:.4g}, "
            f"{finding.measured:.3g} times its lowest {values['lowest']:.4g}",
            cause="steps are too long for this loss" if values["clipped"] else "nothing clips the gradient",
            advice="begin again: the best checkpoint is from before, the weights of now are what went wrong",
        )
