"""Many training images are blurred."""

from __future__ import annotations

from typing import ClassVar

from tilework.doctor.case import Case
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Finding, Fix, Severity, Words
from tilework.doctor.probed import DRAWN, FEWEST, half, image_of, looked

SOME, MOST = 0.3, 0.7
"""Shares of the images."""


class Rule(Base):
    """**What**: training images are soft, so that nothing sharp can be learned from them.

    **Measured**: the share of training images whose topmost octave of frequencies has less than 0.08 of the energy of the next,
    or the next less than a tenth of that of the one below, against 30 %; a warning from 70 %. Sharp photographs have 0.3 to 1
    in both. For sources that the program makes itself it is only good to know.

    **Cause**: out of focus, strongly compressed, enlarged four times or more, or smooth by nature.

    **Fix**: half the size, at which they are sharper; the run begins anew. Better: leave them out.
    """

    tasks: ClassVar = (AUTOENCODER,)
    probes: ClassVar = ("images",)
    follows_from: ClassVar = ("images-tiny",)

    def judge(self, case: Case) -> Finding | None:
        found = looked(case, "images")
        if found is None or found["judged"] < FEWEST or found["soft"] < SOME:
            return None
        drawn = case.setting("data.kind") in DRAWN
        smaller = half(case)
        return Finding(
            code="images-blurred",
            severity=Severity.WARNING if found["soft"] >= MOST and not drawn else Severity.INFO,
            step=0,
            measured=float(found["soft"]),
            threshold=SOME,
            values={"top": float(found["top"]), "images": int(found["images"])},
            evidence=image_of(found),
            fix=Fix({"data.size": smaller}, keep_weights=False) if smaller else None,
        )

    def words(self, finding: Finding) -> Words:
        return Words(
            title=f"{finding.measured:.0%} of training images are blurred: their finest octave has "
            f"{finding.values['top']:.2g} of the energy of the next",
            cause="they are out of focus, strongly compressed, enlarged, or smooth by nature",
            advice="leave them out, or train at a size at which they are sharp",
        )
