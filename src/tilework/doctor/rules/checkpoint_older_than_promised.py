"""The newest checkpoint is older than the spec promises."""

from __future__ import annotations

import math

import numpy as np

from tilework.doctor.case import Case
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import CannotJudge, Evidence, Finding, Fix, Missing, Severity, Words

TIMES = 2.0
"""The promised time. A checkpoint waits for the end of a step and of a validation, which are added on top."""


class Rule(Base):
    """**What**: a crash now would lose more than `engine.save_every_minutes`.

    **Measured**: minutes from the newest checkpoint to the newest row of training, less the longest wait between two rows
    since (a long step, a validation, a machine that slept), over the minutes promised, against 2.

    **Cause**: a disk that is full or slow, a run that was stopped from outside while it saved.

    **Fix**: checkpoints by steps, as often as those of one promised time.
    """

    def judge(self, case: Case) -> Finding | None:
        saved = float(case.fact("seconds_at"))
        promised = 60 * float(case.setting("engine.save_every_minutes", 5.0))
        steps, _, times = case.store.rows("train")
        if not math.isfinite(saved):
            raise CannotJudge(Missing.FACTS, name="seconds_at")
        if not len(times):
            raise CannotJudge(Missing.STEPS, name="loss", split="train", have=0, need=1)
        since = np.concatenate([[saved], times[times > saved]])
        age = float(since[-1] - saved) - float(np.diff(since).max(initial=0.0))
        if age < TIMES * promised:
            return None
        after = steps[times > saved]
        rate = len(after) and (after[-1] - after[0]) / max(1e-9, float(times[-1] - since[1]))
        return Finding(
            code="checkpoint-older-than-promised",
            severity=Severity.WARNING,
            step=int(after[0]),
            measured=age / promised,
            threshold=TIMES,
            values={"minutes": age / 60, "promised": promised / 60},
            evidence=Evidence((), "train", (int(after[0]), int(after[-1]))),
            fix=Fix({"engine.save_every_steps": max(1, int(rate * promised))}),
        )

    def words(self, finding: Finding) -> Words:
        values = finding.values
        return Words(
            title=f"the newest checkpoint is {values['minutes']:.0f} minutes old; "
            f"engine.save_every_minutes={values['promised']:g}",
            cause="checkpoints could not be written: the disk is full or slow, or the run was stopped from outside",
            advice="a crash now loses all steps since; look at the free space of the disk first",
        )
