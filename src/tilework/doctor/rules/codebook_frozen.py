"""The codes of a codebook do not move."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from tilework.doctor.case import Case
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Evidence, Finding, Fix, Severity, Words
from tilework.doctor.schedules import weight, weight_name
from tilework.runs.guarding import STEP_SKIPPED

STILL = 1e-6
"""Of their mean norm, that codes move over the newest rows. The lowest learning rates move them a hundred times as much."""
ROWS = 10


class Rule(Base):
    """**What**: the codes stay where they were placed, and only the encoder learns.

    **Measured**: the spread of the mean norm of codes over the newest 10 rows, as a share of it, against 0.000001. Not judged
    where steps were refused in them: those move nothing.

    **Cause**: codes that learn by gradient and have no codebook loss; a codebook loss that is taken where its gradient is
    zero.

    **Fix**: the codebook loss, with a weight of 1; where it has one, codes that are moving averages of their tokens.
    """

    tasks: ClassVar = (AUTOENCODER,)
    follows_from: ClassVar = ("quantiser-loss-cliff", "gradient-vanishing")

    def judge(self, case: Case) -> Finding | None:
        levels = [name for name, split in case.names if split == "train" and name.startswith("code_norm.")]
        if not levels:
            return None
        for level in case.metrics.ordered(levels):
            norm = case.curve(level, "train", least=ROWS)
            newest = norm.values[-ROWS:]
            size = float(np.max(np.abs(newest)))
            if not np.isfinite(newest).all() or size == 0 or np.ptp(newest) > STILL * size:
                continue
            if any(event.kind == STEP_SKIPPED and event.step > norm.steps[-ROWS] for event in case.events):
                return None  # refused steps move nothing
            moved = np.flatnonzero(np.abs(norm.values - norm.last) > STILL * size)
            return Finding(
                code="codebook-frozen",
                severity=Severity.WARNING,
                step=int(norm.steps[moved[-1] + 1]) if len(moved) else int(norm.steps[0]),
                measured=float(np.ptp(newest)) / size,
                threshold=STILL,
                values={"norm": norm.last, "level": level.partition(".")[2], "loss": weight(case, "codebook")},
                evidence=Evidence((level, "z_norm"), "train"),
                fix=Fix(self._changes(case), keep_weights=False),
            )
        return None

    @staticmethod
    def _changes(case: Case) -> dict[str, Any]:
        if weight(case, "codebook") == 0 and case.setting("bottleneck.codebook") != "ema":
            return {weight_name(case, "codebook"): 1.0}
        return {"bottleneck.codebook": "ema", "objective.codebook": None}

    def words(self, finding: Finding) -> Words:
        values = finding.values
        return Words(
            title=f"the codes of level {values['level']} have not moved since step {finding.step:,}: their mean norm is "
            f"{values['norm']:.4g} at every row",
            cause="they learn by gradient, and no codebook loss moves them"
            if values["loss"] == 0
            else "the codebook loss has no gradient at the codes",
            advice="codes that cannot follow the encoder hold it where it began",
        )
