"""Training waits for its data."""

from __future__ import annotations

from typing import Any

import numpy as np

from tilework.doctor.case import Case
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import CannotJudge, Evidence, Finding, Fix, Missing, Severity, Words

HALF = 0.5
"""Of the time: batches then take longer to make than to learn from."""
ROWS = 10


class Rule(Base):
    """**What**: most of the time goes into making batches, and the model waits.

    **Measured**: the share of the time in which the next batch was waited for (`data_wait`), median of the newest 10 rows,
    against 0.5. On a GPU only what its prefetch did not hide is counted.

    **Fix**: the images are kept on the device; where they are already, there is no setting that helps.
    """

    def judge(self, case: Case) -> Finding | None:
        share = case.curve("data_wait", "train", least=3).finite()
        if len(share) < ROWS:
            raise CannotJudge(Missing.STEPS, name="data_wait", split="train", have=len(share), need=ROWS)
        now = float(np.median(share.values[-ROWS:]))
        if now <= HALF:
            return None
        changes = self._changes(case)
        return Finding(
            code="data-bound",
            severity=Severity.WARNING,
            step=int(share.steps[0]),
            measured=now,
            threshold=HALF,
            values={"resident": not changes},
            evidence=Evidence(("data_wait", "steps_per_second"), "train"),
            fix=Fix(changes) if changes else None,
        )

    @staticmethod
    def _changes(case: Case) -> dict[str, Any]:
        known = case.task == AUTOENCODER and case.setting("engine.data_on_device", "auto") != "always"
        return {"engine.data_on_device": "always"} if known else {}

    def words(self, finding: Finding) -> Words:
        return Words(
            title=f"{finding.measured:.0%} of the time is spent waiting for batches",
            cause="images are read from a slow disk, or are large against the model",
            advice="smaller images (data.size), a faster disk or a larger model make better use of the machine"
            if finding.values["resident"]
            else "kept on the device, images need not be read again; they must fit into its memory",
        )
