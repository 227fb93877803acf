"""Texture in the output where the input is smooth."""

from __future__ import annotations

from typing import Any, ClassVar

from tilework.doctor.case import Case
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Finding, Fix, Severity, Words
from tilework.doctor.probed import image_of, looked, need_steps, settled, step_of, weighted

BURNT = 0.1
"""Share of smooth areas with texture."""
EARLY = 500
"""Steps before which texture may still be learned away."""
DRAWING = ("lpips", "sharpness", "edges")
"""Terms that would rather have some texture than none, the usual one first."""


class Rule(Base):
    """**What**: patches of texture, grass in the sky, in places where the image is smooth.

    **Measured**: of the windows of 3 x 3 tokens in which held-out images are smooth, the share whose reconstruction has more than
    half of the fine detail that images have elsewhere, and 3 grey levels more than the image has there; against 10 %.

    A warning where held-out error has fallen by less than 15 % in the second half of the steps; else the model still learns,
    and it is only good to know. Not before step 500.

    **Cause**: a term that rewards texture for being there (LPIPS, sharpness) beside a squared error that is too weak to
    forbid it; a codebook that has learned its tokens by heart.

    **Fix**: half the weight of that term, from these weights.
    """

    tasks: ClassVar = (AUTOENCODER,)
    probes: ClassVar = ("smooth-areas",)
    follows_from: ClassVar = (
        "grid-imprint",
        "output-cut",
        "constant-output",
        "codebook-collapse",
        "quantiser-loss-cliff",
        "loss-diverging",
        "learning-rate-high",
        "term-dominates",
        "perceptual-range",
        "train-eval-differ",
        "dead-units",
        "device-differs",
    )

    def judge(self, case: Case) -> Finding | None:
        found = looked(case, "smooth-areas")
        if found is None or "burnt" not in found or found["burnt"] < BURNT:
            return None
        need_steps(case, found, EARLY)
        learns = not settled(case)
        changes: dict[str, Any] = {}
        for term in DRAWING:
            if case.setting(f"objective.{term}"):
                changes = weighted(case, term, 0.5)
                break
        return Finding(
            code="texture-burn-in",
            severity=Severity.INFO if learns else Severity.WARNING,
            step=step_of(case, found),
            measured=float(found["burnt"]),
            threshold=BURNT,
            values={
                "detail": float(found["detail"]),
                "own": float(found["detail_in"]),
                "learns": learns,
                "windows": int(found["windows"]),
                "term": next(iter(changes), "").removeprefix("objective.").removesuffix(".weight"),
            },
            evidence=image_of(found),
            fix=Fix(changes) if changes else None,
        )

    def words(self, finding: Finding) -> Words:
        values = finding.values
        return Words(
            title=f"{finding.measured:.0%} of smooth areas come back with texture: {values['detail']:.1f} grey levels of fine "
            f"detail where images have {values['own']:.1f}",
            cause="the model still learns; texture may go by itself"
            if values["learns"]
            else f"{values['term']} rewards texture, also where there is none"
            if values["term"]
            else "tokens of smooth areas stand for textured ones as well",
            advice=f"give {values['term']} less weight"
            if values["term"]
            else "more codes distinguish smooth from textured",
        )
