"""The latent of a VAE carries nothing."""

from __future__ import annotations

from typing import ClassVar

from tilework.doctor.case import Case
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.divergence import averaged, gaussian, kl_of, weaker
from tilework.doctor.finding import Evidence, Finding, Fix, Severity, Words
from tilework.doctor.schedules import weight
from tilework.doctor.token_count import positions_of

NOTHING = 0.5
"""Nats an image, less than one bit: not even one yes or no about it."""


class Rule(Base):
    """**What**: the divergence of the latent from its prior has vanished: whatever the image, the decoder gets noise, and
    gives the mean image.

    **Measured**: held-out KL of an image (of a position times positions) in nats, against 0.5, from step 100 on; less is not
    even one bit about the image. A KL that has doubled since the validation before is on its way up and is left alone.

    **Cause**: a weight of the KL that is large against the reconstruction's scale. Beside a mean over pixels a weight of 1
    weighs as much as pixels x 1 beside their sum.

    **Fix**: the reconstruction as a sum over pixels; where it is one, a KL weight of 1; where it is that, 0.1 free nats a
    dimension.
    """

    tasks: ClassVar = (AUTOENCODER,)
    follows_from: ClassVar = (
        "gradient-vanishing",
        "output-cut",
        "constant-output",
        "loss-diverging",
        "learning-rate-high",
        "learning-rate-low",
    )

    def judge(self, case: Case) -> Finding | None:
        if not gaussian(case) or weight(case, "kl") == 0:
            return None
        kl, positions = kl_of(case), positions_of(case)
        if not len(kl):
            return None
        whole = kl.values * positions
        if whole[-1] >= NOTHING or (len(whole) > 1 and whole[-1] >= 2 * whole[-2]):
            return None
        return Finding(
            code="kl-vanishing",
            severity=Severity.ERROR,
            step=int(kl.steps[whole < NOTHING][0]),
            measured=float(whole[-1]),
            threshold=NOTHING,
            values={"weight": weight(case, "kl"), "averaged": bool(averaged(case)), "positions": int(positions)},
            evidence=Evidence(("kl", "active_units")),
            fix=Fix(weaker(case), keep_weights=False),
        )

    def words(self, finding: Finding) -> Words:
        values = finding.values
        return Words(
            title=f"the latent carries {finding.measured:.2g} nats of an image: less than one bit",
            cause="the KL is a sum in nats and the reconstruction a mean over pixels, so that the KL outweighs all pixels"
            if values["averaged"]
            else f"a KL of weight {values['weight']:g} costs more than the reconstruction gains by it",
            advice="begin again: a decoder that has learned to do without its latent does not come back to it",
        )
