"""The gradient is clipped at every step."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from tilework.doctor.case import Case
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import CannotJudge, Evidence, Finding, Fix, Missing, Severity, Words
from tilework.doctor.schedules import plain

ALWAYS = 0.95
"""Of the rows, those whose mean norm is above the clip."""
FAR = 20.0
"""Times the clip that the norm is. Shipped priors train well at 2 to 13 times; a clip so far below is no guard against spikes
but sets the length of every step."""
ROWS, FIRST = 10, 100


class Rule(Base):
    """**What**: `optimizer.clip_norm` is below every gradient, so that small and large gradients make the same step.

    **Measured**: the median of the gradient's norm over the clip, in the newer half of the rows, where 95 % of them are above
    it; from step 100 on. Below 20 times it is good to know: Adam and Muon do not ask how long a gradient is. Above, or where
    clipping leaves so little that Adam's `eps` swallows it, it is a warning.

    **Fix**: a clip at twice the usual norm, which catches spikes alone.
    """

    follows_from: ClassVar = ("term-dominates",)  # a term that is far too large makes every gradient so

    def judge(self, case: Case) -> Finding | None:
        clip = case.setting("optimizer.clip_norm")
        if not isinstance(clip, (int, float)) or not clip > 0:
            return None
        norm = case.curve("grad_norm", "train", least=ROWS).finite()
        if len(norm) < ROWS:
            raise CannotJudge(Missing.STEPS, name="grad_norm", split="train", have=len(norm), need=ROWS)
        if case.step < FIRST:
            raise CannotJudge(Missing.STEPS, have=case.step, need=FIRST)
        newer = norm.values[len(norm) // 2 :]
        times = float(np.median(newer)) / clip
        if (newer > clip).mean() < ALWAYS:
            return None
        swallowed = self._swallowed(case, clip)
        return Finding(
            code="gradient-always-clipped",
            severity=Severity.WARNING if times >= FAR or swallowed else Severity.INFO,
            step=int(norm.steps[norm.values > clip][0]),
            measured=times,
            threshold=FAR,
            values={"clip": float(clip), "norm": float(np.median(newer)), "swallowed": swallowed},
            evidence=Evidence(("grad_norm",), "train"),
            fix=Fix({"optimizer.clip_norm": plain(2 * float(np.median(newer)))}),
        )

    @staticmethod
    def _swallowed(case: Case, clip: float) -> bool:
        """Whether a clipped gradient, spread over all weights, is near Adam's `eps`."""
        count = float(case.meta.get("parameters") or 0)
        return count > 0 and clip / math.sqrt(count) < 10 * float(case.setting("optimizer.eps", 1e-8))

    def words(self, finding: Finding) -> Words:
        values = finding.values
        return Words(
            title=f"every step is clipped: the gradient's norm is {values['norm']:.3g}, {finding.measured:.3g} times "
            f"optimizer.clip_norm={values['clip']:g}",
            cause="what is left of the gradient is as small as Adam's eps, and steps shrink"
            if values["swallowed"]
            else "the clip is below the usual gradient, and sets the length of every step",
            advice="a clip at twice the usual norm catches spikes alone",
        )
