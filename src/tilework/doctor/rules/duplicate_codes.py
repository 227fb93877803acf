"""Codes of a codebook are exactly the same point."""

from __future__ import annotations

from typing import ClassVar

from tilework.doctor.case import Case
from tilework.doctor.codebooks import level_of, of_level
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Evidence, Finding, Fix, Severity, Words

SHARE = 0.02
"""Of a level's codes that may repeat another one: a start from few images makes one or two."""


class Rule(Base):
    """**What**: several codes are the same point. Of two such codes one is never chosen, and they stay the same for ever:
    nothing that moves the one leaves the other behind.

    **Measured**: codes of a level that repeat an earlier one bit for bit, as a share of all, against 0.02; at least 2. A
    healthy codebook has none: start and revival place codes on distinct tokens with a little noise.

    **Cause**: codes that were all started at one value, revived without noise, or shrunk to zero (`quantiser-loss-cliff`);
    images of which many are identical.

    **Fix**: a start by k-means and a revival with noise.
    """

    tasks: ClassVar = (AUTOENCODER,)
    follows_from: ClassVar = ("quantiser-loss-cliff", "loss-diverging", "codebook-too-large", "images-duplicate")

    def judge(self, case: Case) -> Finding | None:
        levels = case.parts("duplicates")
        worst = max(levels, key=case.known, default=None)
        if worst is None:
            return None
        codes, curve = case.value("codes"), case.curve(worst)
        if not (curve.last >= 2 and curve.last > SHARE * codes):
            return None
        return Finding(
            code="duplicate-codes",
            severity=Severity.WARNING,
            step=int(curve.steps[curve.values > SHARE * codes][0]),
            measured=curve.last / codes,
            threshold=SHARE,
            values={"repeated": int(curve.last), "codes": int(codes), "level": level_of(worst), "levels": len(levels)},
            evidence=Evidence(tuple(levels)),
            fix=Fix({"bottleneck.start": "kmeans", "bottleneck.revival": {}}, keep_weights=False),
        )

    def words(self, finding: Finding) -> Words:
        values = finding.values
        return Words(
            title=f"{values['repeated']:,} of {values['codes']:,} codes{of_level(values['level'], values['levels'])} "
            "repeat another one exactly",
            cause="they were started or revived at the same point, and whatever moves one of them moves all",
            advice="begin again with codes on distinct tokens; dead ones come back with a little noise",
        )
