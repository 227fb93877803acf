"""Training images were enlarged from smaller ones."""

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
    """**What**: images hold less than their size promises: they were enlarged, and nothing is there at the finest scale.

    **Measured**: the share of image files whose sides have less than 0.8 of the pixels that images have; where no files are there
    to be looked at, the share of training images whose topmost octave of frequencies has less than 0.08 of the energy of the
    next, and the next at least a tenth of that of the one below; either against 30 %. Or pixels that repeat in blocks. A
    warning from 70 %; for sources that the program makes itself always only good to know.

    **Cause**: the files are smaller than `data.size`; or they were enlarged before.

    **Fix**: half the size: the same information, four times faster. Tokens are then of other images, so the run begins anew.
    """

    tasks: ClassVar = (AUTOENCODER,)
    probes: ClassVar = ("images",)

    def judge(self, case: Case) -> Finding | None:
        found = looked(case, "images")
        if found is None:
            return None
        by_files = bool(found["files"] >= FEWEST)
        blocks, share = int(found["blocks"]), float(found["smaller"] if by_files else found["half"])
        if blocks == 1 and (share < SOME or max(found["judged"], found["files"]) < FEWEST):
            return None
        size, smaller = str(case.setting("data.size", "")), half(case)
        drawn = case.setting("data.kind") in DRAWN
        return Finding(
            code="images-tiny",
            severity=Severity.WARNING if (blocks > 1 or share >= MOST) and not drawn else Severity.INFO,
            step=0,
            measured=1.0 if blocks > 1 else share,
            threshold=SOME,
            values={
                "blocks": blocks,
                "top": float(found["top"]),
                "size": size,
                "files": by_files,
                "scale": float(found["scale"]),
            },
            evidence=image_of(found),
            fix=Fix({"data.size": smaller}, keep_weights=False) if smaller else None,
        )

    def words(self, finding: Finding) -> Words:
        values = finding.values
        if values["blocks"] > 1:
            title = f"images consist of blocks of {values['blocks']} x {values['blocks']} equal pixels"
        else:
            title = f"{finding.measured:.0%} of training images " + (
                f"have files of about {values['scale']:.0%} of their size"
                if values["files"]
                else "have nothing at the finest scale"
            )
        return Words(
            title=f"{title}: they were enlarged to {values['size']}"
            if values["size"]
            else f"{title}: they were enlarged",
            cause="the files are smaller than what the model is trained on",
            advice="train at half the size: nothing is lost, and it is four times faster; or get larger images",
        )
