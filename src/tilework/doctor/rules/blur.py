"""Fine detail of images is lost."""

from __future__ import annotations

from typing import Any, ClassVar

from tilework.doctor.case import Case
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Finding, Fix, Severity, Words
from tilework.doctor.probed import image_of, looked, need_steps, settled, step_of

HALF = 0.5
"""Share of the images' fine detail below which reconstructions look soft, and of what the latent allows below which the fault
is not the latent's."""
EARLY = 500
"""Steps before which nothing is reported of blur."""


class Rule(Base):
    """**What**: reconstructions are softer than the images.

    **Measured**: energy of the Laplacian of held-out reconstructions over that of the images, against 0.5. A warning where the
    bits of the latent would allow twice as much, by a code that knows of these images nothing but their spectrum, and held-out
    error has fallen by less than 15 % in the second half of the steps. Else it is good to know: so few bits hold no more, or the
    model still learns. Not before step 500.

    **Cause**: squared error asks for the mean of all that could be there, and the mean is soft.

    **Fix**: a term that sees what is soft, beside the squared error, from these weights; where the bits are the limit, four
    times as many codes (FSQ: one more channel), anew.
    """

    tasks: ClassVar = (AUTOENCODER,)
    probes: ClassVar = ("detail",)
    follows_from: ClassVar = (
        "constant-output",
        "codebook-collapse",
        "unused-codes",
        "quantiser-loss-cliff",
        "posterior-collapse",
        "kl-exploding",
        "loss-diverging",
        "loss-stalled",
        "learning-rate-low",
        "learning-rate-high",
        "term-dominates",
        "term-idle",
        "term-constant",
        "perceptual-range",
        "output-cut",
        "dead-units",
        "train-eval-differ",
    )

    def judge(self, case: Case) -> Finding | None:
        found = looked(case, "detail")
        if found is None or found["detail"] >= HALF:
            return None
        need_steps(case, found, EARLY)
        by_latent = bool(found["detail"] >= HALF * found["allowed"])
        learns = not by_latent and not settled(case)
        changes = {} if learns else _more_bits(case) if by_latent else _sharper(case)
        return Finding(
            code="blur",
            severity=Severity.INFO if by_latent or learns else Severity.WARNING,
            step=step_of(case, found),
            measured=float(found["detail"]),
            threshold=HALF,
            values={
                "allowed": float(found["allowed"]),
                "bits": float(found["bits"]),
                "numbers": int(found["numbers"]),
                "by_latent": by_latent,
                "learns": learns,
            },
            evidence=image_of(found, "detail"),
            fix=Fix(changes, keep_weights=not by_latent) if changes else None,
        )

    def words(self, finding: Finding) -> Words:
        values = finding.values
        latent = f"{values['bits']:,.0f} bits" if values["bits"] else f"{values['numbers']:,} numbers"
        return Words(
            title=f"{finding.measured:.0%} of the fine detail of images comes back",
            cause=f"{latent} an image have room for little more: {values['allowed']:.0%} of it, by the images' spectrum"
            if values["by_latent"]
            else "it still learns, and fine detail comes last"
            if values["learns"]
            else "squared error asks for the mean of what could be there; "
            f"{latent} an image would allow {values['allowed']:.0%}",
            advice="a larger latent keeps more"
            if values["by_latent"]
            else "train on"
            if values["learns"]
            else "add a term that sees blur",
        )


def _sharper(case: Case) -> dict[str, Any]:
    """The first term against blur that the objective does not have."""
    for term, weight in (("edges", 0.1), ("sharpness", 0.05)):
        if not case.setting(f"objective.{term}"):
            return {f"objective.{term}": weight}
    return {}


def _more_bits(case: Case) -> dict[str, Any]:
    levels, codes = case.setting("bottleneck.levels"), case.setting("bottleneck.codes")
    if isinstance(codes, int):
        return {"bottleneck.codes": 4 * codes}
    if isinstance(levels, (list, tuple)):
        return {"bottleneck.levels": [*levels, 4]}
    dim = case.setting("bottleneck.dim")
    return {"bottleneck.dim": 2 * dim} if isinstance(dim, int) else {}
