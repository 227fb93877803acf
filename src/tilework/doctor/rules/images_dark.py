"""Many training images are dark."""

from __future__ import annotations

from typing import ClassVar

from tilework.doctor.case import Case
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Finding, Severity, Words
from tilework.doctor.probed import image_of, looked

SOME, MOST = 0.3, 0.7
"""Shares of the images."""


class Rule(Base):
    """**What**: training images that use only the darkest quarter of the range, underexposed or faded out.

    **Measured**: the share of training images whose brightest hundredth stays below 64 of 255, against 30 %; a warning from
    70 %. White strokes on black are not dark by this.

    **Cause**: frames of a fade, of a night scene, of a title; images of 16 bits read as if they had 8.

    **Fix**: none that a spec could make: errors are measured on pixel values, and in the dark they all look small. Brighten the
    images, or leave those frames out.
    """

    tasks: ClassVar = (AUTOENCODER,)
    probes: ClassVar = ("images",)

    def judge(self, case: Case) -> Finding | None:
        found = looked(case, "images")
        if found is None or found["dark"] < SOME:
            return None
        return Finding(
            code="images-dark",
            severity=Severity.WARNING if found["dark"] >= MOST else Severity.INFO,
            step=0,
            measured=float(found["dark"]),
            threshold=SOME,
            values={"plain": float(found["plain"]), "levels": float(found["levels"]), "images": int(found["images"])},
            evidence=image_of(found),
        )

    def words(self, finding: Finding) -> Words:
        values = finding.values
        plain = f", {values['plain']:.0%} of all are of one colour" if values["plain"] >= 0.05 else ""
        return Words(
            title=f"{finding.measured:.0%} of training images use only the darkest quarter of the range{plain}",
            cause="they are underexposed, faded out, or were read with too few bits",
            advice="brighten them or leave them out: in the dark every error looks small",
        )
