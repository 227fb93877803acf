"""A perceptual loss is fed other values than its network was trained on."""

from __future__ import annotations

from typing import Any, ClassVar

from tilework.doctor.case import Case
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import CannotJudge, Finding, Fix, Severity, Words
from tilework.doctor.probed import largest_weight, looked

OFF = 0.1
"""How far black or white may be from where they belong, as a share of the range: images fed as [0, 1] are off by half of it."""


class Rule(Base):
    """**What**: the network of a perceptual loss gets images in another range than it was trained on.

    **Measured**: what arrives at the network for a black and for a white image, against what it was trained on (-1 and 1 for
    LPIPS), as a share of that range, against 0.1. Before the model was looked at: the setting
    `input_range_fault` of the term, which is there to reproduce models that were trained so.

    **Cause**: images in [0, 1] (or [0, 255]) are handed on as they stand. The network sees washed-out images, and the loss then
    allows washed-out reconstructions.

    **Fix**: bring them to the range; training goes on from these weights.
    """

    tasks: ClassVar = (AUTOENCODER,)
    probes: ClassVar = ("perceptual-input",)

    def judge(self, case: Case) -> Finding | None:
        try:
            found = looked(case, "perceptual-input")
        except CannotJudge:
            found = _input_range(case)
            if found is None:
                raise
        if found is None:
            return None
        black, white = found["wanted_black"], found["wanted_white"]
        off = max(abs(found["black"] - black), abs(found["white"] - white)) / max(abs(white - black), 1e-12)
        if off <= OFF:
            return None
        term = str(found["term"])
        known = bool(case.setting(f"objective.{term}.input_range_fault"))
        return Finding(
            code="perceptual-range",
            severity=Severity.WARNING,
            step=0,
            measured=float(off),
            threshold=OFF,
            values={
                name: float(found[name]) for name in ("black", "white", "wanted_black", "wanted_white")
            } | {"term": term},
            fix=Fix({f"objective.{term}.input_range_fault": False}) if known else None,
        )  # fmt: skip

    def words(self, finding: Finding) -> Words:
        values = finding.values
        return Words(
            title=f"{values['term']} is fed [{values['black']:g}, {values['white']:g}], and its network was trained on "
            f"[{values['wanted_black']:g}, {values['wanted_white']:g}]",
            cause="images are handed to the network as they stand",
            advice="scale them first: reconstructions gain contrast",
        )


def _input_range(case: Case) -> dict[str, Any] | None:
    """The range that a spec itself gives; None where it gives none."""
    for term in case.setting("objective", {}):
        if case.setting(f"objective.{term}.input_range_fault") is True and largest_weight(case, term) > 0:
            return {"term": term, "black": 0.0, "white": 1.0, "wanted_black": -1.0, "wanted_white": 1.0}
    return None
