"""Outputs stop at a value that images go beyond."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tilework.doctor.case import Case
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Finding, Fix, Severity, Words
from tilework.doctor.learning_rate import lower
from tilework.doctor.probed import image_of, looked, need_steps, step_of

PILED = 0.01
"""Share of outputs that lie at one extreme value, and of image values beyond it."""
UNLIKE = 0.05
"""Standard deviation of the images where outputs pile up: a background that is always decoded to one value is no bound."""
OUTSIDE = 0.05
"""Share of outputs of a linear decoder that are cut when an image is written."""
FIRST = 100
"""Steps before which a linear decoder is still where its first weights put it, and nothing has held it to the range of images."""

STUCK, FAR = 0.5, 0.1
"""Share of outputs at one bound, and how far images are from it there. Where images are black themselves they are 0.002 away."""


class Rule(Base):
    """**What**: the decoder cannot give values that images have: outputs pile up at a bound within the range of images.

    **Measured**: the share of output values within 0.001 of their own smallest (or largest) value, against 1 %, where at least
    1 % of image values lie more than 0.05 beyond it, and images differ there by 0.05 or more, or the value is exactly 0.5, a
    sigmoid's of 0. A model that has merely not learned its darkest values yet has no such pile. A linear decoder: the share of
    outputs more than 0.05 outside of [0, 1], against 5 %, from step 100 on. Or half of all output values are at one bound, where
    images are 0.1 away from it.

    **Cause**: a ReLU in front of a sigmoid, which then never goes below 0.5: images come out grey.

    **Fix**: without that ReLU; the weights were learned for another output, so the run begins anew.
    """

    tasks: ClassVar = (AUTOENCODER,)
    probes: ClassVar = ("output-range",)
    follows_from: ClassVar = ("loss-diverging", "learning-rate-high", "dead-units")

    def judge(self, case: Case) -> Finding | None:
        found = looked(case, "output-range")
        if found is None:
            return None
        fault = bool(case.setting("decoder.final_relu"))
        for end, beyond in (("low", "under"), ("high", "over")):
            # Where everything is one value, or every image the same, there is no end to pile up at, but for that of a ReLU.
            several = found["high"] - found["low"] >= 0.02 and found[f"unlike_{end}"] >= UNLIKE and not _same(found)
            if found[f"at_{end}"] >= PILED and found[beyond] >= PILED and (several or _half(found[end])):
                return self._finding(case, found, end, found[f"at_{end}"], PILED, found[beyond], fault)
        for end in ("low", "high"):
            if found[f"at_{end}"] >= STUCK and found[f"unlike_{end}"] >= FAR:
                return self._stuck(case, found, end)
        if found["outside"] >= OUTSIDE:
            need_steps(case, found, FIRST)
            return self._finding(case, found, "outside", found["outside"], OUTSIDE, found["outside"], fault)
        return None

    @staticmethod
    def _finding(
        case: Case, found: Mapping[str, Any], end: str, measured: float, bound: float, beyond: float, fault: bool
    ) -> Finding:
        linear = end == "outside"
        changes = {"decoder.final_relu": False} if fault else {"decoder.output": "sigmoid"} if linear else {}
        return Finding(
            code="output-cut",
            severity=Severity.WARNING if linear else Severity.ERROR,
            # The fault of a spec is there from the first step.
            step=0 if fault else step_of(case, found),
            measured=float(measured),
            threshold=bound,
            values={"end": end, "at": float(found.get(end, 0.0)), "beyond": float(beyond), "relu": fault},
            evidence=image_of(found),
            fix=Fix(changes, keep_weights=False) if changes else None,
        )

    @staticmethod
    def _stuck(case: Case, found: Mapping[str, Any], end: str) -> Finding:
        return Finding(
            code="output-cut",
            severity=Severity.ERROR,
            step=step_of(case, found),
            measured=float(found[f"at_{end}"]),
            threshold=STUCK,
            values={"end": "stuck", "at": float(found[end]), "beyond": float(found[f"unlike_{end}"]), "relu": False},
            evidence=image_of(found),
            fix=Fix(lower(case), keep_weights=False),
        )

    def words(self, finding: Finding) -> Words:
        values = finding.values
        if values["end"] == "stuck":
            return Words(
                title=f"{finding.measured:.0%} of output values are stuck at {values['at']:.2f}; images are "
                f"{values['beyond']:.2f} away from it there",
                cause="the decoder's last layer is so far beyond its bound that no gradient comes back",
                advice="begin again with smaller steps: such weights do not come back",
            )
        if values["end"] == "outside":
            return Words(
                title=f"{finding.measured:.0%} of output values lie outside of [0, 1] and are cut when images are written",
                cause="the decoder's output is linear, and nothing holds it to the range of images",
                advice="let it end in a sigmoid",
            )
        side, other = ("below", "smallest") if values["end"] == "low" else ("above", "largest")
        return Words(
            title=f"outputs are cut at {values['at']:.2f}: {finding.measured:.0%} of them are that value, and "
            f"{values['beyond']:.0%} of image values lie {side} it",
            cause="a ReLU stands in front of the decoder's output"
            if values["relu"]
            else f"the decoder's last layer cannot give less than its {other} value"
            if values["end"] == "low"
            else f"the decoder's last layer cannot give more than its {other} value",
            advice="take it away and train anew: what was learned was learned for another output"
            if values["relu"]
            else "look at what follows the decoder's last convolution",
        )


def _same(found: Mapping[str, Any]) -> bool:
    """Whether every image comes back as the same."""
    return bool(found["between"] < 0.01 * found["data_between"])


def _half(value: float) -> bool:
    return abs(value - 0.5) < 1e-6
