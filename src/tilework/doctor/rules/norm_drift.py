"""Encoder outputs and codes live at different scales."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from tilework.doctor.case import Case
from tilework.doctor.codebooks import known_fault
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import CannotJudge, Evidence, Finding, Fix, Missing, Severity, Words
from tilework.doctor.schedules import weight, weight_name

APART = 4.0
"""Times the one norm is the other. Codes that follow an encoder are its averages, within a factor of two of it once settled;
in the first hundred steps a fast encoder is up to three times ahead."""
ROWS, FIRST = 10, 200
FAR, FEW_ROWS, SOON = 16.0, 5, 50
"""Times that no encoder is ahead of its codes, however fast; so many rows from this step on are enough for it."""


class Rule(Base):
    """**What**: the encoder's outputs have left the codes behind, or shrunk away from them, so that each token's nearest code
    is far: what the decoder is trained on is not what the encoder gives.

    **Measured**: mean norm of tokens over mean norm of codes (level 1), or the other way round: the median of the last 10
    rows against 4, from step 200 on; before, of the last 5 rows against 16 from step 50 on, against 4 where the run was rolled
    back. Not judged where the search is by angle.

    **Mistaken for it**: the first hundred steps, in which averages lag behind a fast encoder; many dead codes that keep their
    first norm (`unused-codes`).

    **Fix**: a start by k-means and revival where codes start at random and stay dead; codes that learn by gradient get their
    codebook loss; a commitment of 0.25; where both are there, codes that follow faster, by a shorter average or by angle.
    """

    tasks: ClassVar = (AUTOENCODER,)
    follows_from: ClassVar = (
        "codebook-frozen",
        "codebook-collapse",
        "unused-codes",
        "quantiser-loss-cliff",
        "loss-diverging",
        "learning-rate-high",
    )

    def judge(self, case: Case) -> Finding | None:
        if ("code_norm.1", "train") not in case.names or case.setting("bottleneck.distance") == "cosine":
            return None
        if case.step < SOON:
            raise CannotJudge(Missing.STEPS, have=case.step, need=FIRST)
        tokens, codes = (case.curve(name, "train", least=FEW_ROWS) for name in ("z_norm", "code_norm.1"))
        rows = min(len(tokens), len(codes))
        with np.errstate(all="ignore"):
            ratio = tokens.values[-rows:] / codes.values[-rows:]
        now = float(np.median(ratio[-(ROWS if rows >= ROWS else FEW_ROWS) :]))
        if not np.isfinite(now) or now <= 0:
            return None
        apart = max(now, 1 / now)
        # A run that had to be rolled back this early is no healthy one whose codes lag behind.
        if apart < (APART if case.store.events("rolled-back") else FAR) and (case.step < FIRST or rows < ROWS):
            raise CannotJudge(Missing.STEPS, have=case.step, need=FIRST)
        if apart < APART:
            return None
        outside = ratio > APART if now > 1 else ratio < 1 / APART
        return Finding(
            code="norm-drift",
            severity=Severity.WARNING,
            step=int(tokens.steps[-rows:][outside][0]),
            measured=apart,
            threshold=APART,
            values={
                "z_norm": tokens.last, "code_norm": codes.last, "ahead": now > 1,
                "still": self._still(case),
                "fault": bool(known_fault(case)), "commitment": weight(case, "commitment"),
            },
            evidence=Evidence(("z_norm", "code_norm.1"), "train"),
            fix=Fix(self._changes(case, ahead=now > 1), keep_weights=False),
        )  # fmt: skip

    @staticmethod
    def _still(case: Case) -> bool:
        """Whether codes that learn by gradient have no loss to learn from."""
        return case.setting("bottleneck.codebook") in {"gradient", "simvq"} and weight(case, "codebook") == 0

    def _changes(self, case: Case, *, ahead: bool) -> dict[str, Any]:
        if fault := known_fault(case):
            return fault
        if self._still(case):
            return {weight_name(case, "codebook"): 1.0}
        if ahead and weight(case, "commitment") < 0.25:
            return {weight_name(case, "commitment"): 0.25}
        if case.setting("bottleneck.codebook", "ema") == "ema" and case.setting("bottleneck.decay", 0) > 0.9:
            return {"bottleneck.decay": 0.9}
        return {"bottleneck.distance": "cosine"}

    def words(self, finding: Finding) -> Words:
        values = finding.values
        way = "above" if values["ahead"] else "below"
        return Words(
            title=f"the mean norm of tokens, {values['z_norm']:.3g}, is a factor of {finding.measured:.1f} {way} that of codes, "
            f"{values['code_norm']:.3g}",
            cause="codes start where the encoder never goes, and nothing brings them back"
            if values["fault"]
            else "the codes learn by gradient, and no codebook loss moves them"
            if values["still"]
            else f"commitment of weight {values['commitment']:g} does not hold the encoder at its codes"
            if values["ahead"]
            else "the codes stay where they were while the encoder's outputs shrink",
            advice="codes must be able to follow the encoder, or the encoder be held at its codes",
        )
