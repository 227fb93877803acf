"""Many images are there more than once."""

from __future__ import annotations

from typing import ClassVar

from tilework.doctor.case import Case
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Finding, Fix, Severity, Words
from tilework.doctor.probed import image_of, looked

SOME, MOST = 0.05, 0.2
"""Shares of the images."""


class Rule(Base):
    """**What**: images that are pixel for pixel the same as others.

    **Measured**: the share of images with the same pixels as an earlier one, against 5 %; a warning from 20 %. Where images
    are frames of clips, only those count that are a copy of a frame of another clip: within one, frames repeat wherever
    nothing moves.

    **Cause**: the same files in two folders; a clip exported twice.

    **Fix**: the first of each is kept. What the model has learned stands.
    """

    tasks: ClassVar = (AUTOENCODER,)
    probes: ClassVar = ("copies",)

    def judge(self, case: Case) -> Finding | None:
        found = looked(case, "copies")
        if found is None or found["across"] < SOME:
            return None
        return Finding(
            code="images-duplicate",
            severity=Severity.WARNING if found["across"] >= MOST else Severity.INFO,
            step=0,
            measured=float(found["across"]),
            threshold=SOME,
            values={"most": int(found["most"]), "images": int(found["images"])},
            evidence=image_of(found),
            fix=Fix({"data.duplicates": "drop"}),
        )

    def words(self, finding: Finding) -> Words:
        values = finding.values
        return Words(
            title=f"{finding.measured:.0%} of {values['images']:,} images are exact copies of others; one is there "
            f"{values['most']:,} times",
            cause="the same files lie in several folders, or clips were exported twice",
            advice="keep one of each: copies weigh as much as images that are there once",
        )
