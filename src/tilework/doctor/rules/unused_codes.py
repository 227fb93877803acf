"""Most codes of a codebook are never chosen."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from tilework.doctor.case import Case
from tilework.doctor.codebooks import cut_short, known_fault, level_of, of_level, revives, wait
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Evidence, Finding, Fix, Severity, Words

SHARE = 0.25
"""Of the codes of a level, that should be in use: below it, half as many codes and more would do as well."""
TOKENS_PER_CODE = 4
"""Held-out tokens for each code: with fewer, an honest codebook may leave many codes out."""


class Rule(Base):
    """**What**: less than a quarter of a level's codes is in use, so that tokens cost more bits than they carry.

    **Measured**: codes that at least one held-out token chose, as a share of all, against 0.25, where validation has at least
    four tokens for each code: all codes used equally often, 98 % of them would be touched then. With fewer tokens only codes
    that start at random with nothing that revives them are judged, against the codes that would be touched. From step 500 on;
    codes that start so from step 100 on.

    **Mistaken for it**: the first steps, in which everything has one code while the mean image is learned. A usage that still
    doubles from one validation to the next is left alone.

    **Fix**: k-means start and revival, or longer training where the run was short; where both are on, fewer codes: twice as
    many as are in use.
    """

    tasks: ClassVar = (AUTOENCODER,)
    follows_from: ClassVar = (
        "codebook-collapse",
        "codes-lost",
        "codebook-frozen",
        "quantiser-loss-cliff",
        "codebook-too-large",
        "gradient-vanishing",
        "output-cut",
        "constant-output",
        "term-dominates",
        "dead-units",
        "loss-diverging",
        "learning-rate-high",
    )

    def judge(self, case: Case) -> Finding | None:
        codes = case.known("codes")
        if not codes > 2:
            return None
        changes = known_fault(case)
        wait(case, changes)
        levels = case.parts("used")
        worst = min(levels, key=case.known, default=None)
        tokens = case.value("tokens")
        if worst is None or (tokens < TOKENS_PER_CODE * codes and not changes):
            return None
        curve = case.curve(worst)
        touched = codes if tokens >= TOKENS_PER_CODE * codes else codes * -math.expm1(-tokens / codes)
        share = curve.last / touched
        if not share < SHARE or (len(curve) > 2 and curve.last >= 2 * curve.values[-2]):
            return None
        longer = cut_short(case, changes)
        changes = longer or changes or self._changes(case, int(curve.last))
        return Finding(
            code="unused-codes",
            severity=Severity.WARNING,
            step=int(curve.steps[curve.values < SHARE * touched][0]),
            measured=share,
            threshold=SHARE,
            values={
                "used": int(curve.last), "codes": int(codes), "level": level_of(worst), "levels": len(levels),
                "tokens": int(case.value("tokens")), "fault": bool(known_fault(case)),
                "short": bool(longer),
            },
            evidence=Evidence(tuple(levels)),
            fix=Fix(changes, keep_weights=bool(longer)) if changes else None,
        )  # fmt: skip

    @staticmethod
    def _changes(case: Case, used: int) -> dict[str, Any]:
        codes = case.setting("bottleneck.codes")
        if not isinstance(codes, int):  # FSQ and LFQ have as many codes as their levels make
            return {}
        if not revives(case):
            return {"bottleneck.revival": {}}
        return {"bottleneck.codes": max(2, 2 ** math.ceil(math.log2(2 * max(1, used))))}

    def words(self, finding: Finding) -> Words:
        values = finding.values
        where = of_level(values["level"], values["levels"])
        return Words(
            title=f"only {values['used']:,} of {values['codes']:,} codes{where} are in use in validation",
            cause="the run was short: more may come into use yet"
            if values["short"]
            else "codes start where the encoder never goes, and nothing brings them back"
            if values["fault"]
            else f"{values['tokens']:,} tokens chose no others: dead codes stay dead, or there are too many codes for the images",
            advice="train longer"
            if values["short"]
            else "bring dead codes back, or use fewer codes: the tokens then carry the same in fewer bits",
        )
