"""Dimensions of a Gaussian latent that carry nothing."""

from __future__ import annotations

from typing import ClassVar

from tilework.doctor.case import Case
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.divergence import dims, gaussian, kl_of, weaker
from tilework.doctor.finding import Evidence, Finding, Fix, Severity, Words
from tilework.doctor.schedules import weight
from tilework.metrics import ACTIVE

SHARE = 0.25
"""Of the dimensions that should be active: a VAE that drops some has more than it needs, one that drops nearly all is ill."""


class Rule(Base):
    """**What**: dimensions of the latent are at the prior whatever the image: noise that the decoder has learned to ignore.

    **Measured**: the share of dimensions with a held-out KL above 0.01 nats, against a quarter, from step 100 on and at two
    validations in a row. Some inactive dimensions are good to know and no fault: a VAE prunes what it does not need.

    **Mistaken for it**: the first validations, at which dimensions wake one after another.

    **Fix**: the same as for `kl-vanishing`: the reconstruction as a sum over pixels, a KL weight of 1, free bits.
    """

    tasks: ClassVar = (AUTOENCODER,)
    follows_from: ClassVar = (
        "kl-vanishing",
        "gradient-vanishing",
        "constant-output",
        "loss-diverging",
        "learning-rate-high",
    )

    def judge(self, case: Case) -> Finding | None:
        if not gaussian(case) or weight(case, "kl") == 0:
            return None
        kl_of(case)
        active, every = case.validated("active_units").finite(), dims(case)
        if every < 2 or not len(active) or active.last >= every:
            return None
        share = active.last / every
        low = active.values < SHARE * every
        if len(active) > 1 and active.values[-2] < active.last:
            return None
        ill = share < SHARE and (len(active) < 2 or bool(low[-2]))
        asleep = [
            int(name.partition(".")[2]) for name in case.parts("kl") if "." in name and case.value(name) <= ACTIVE
        ]
        return Finding(
            code="posterior-collapse",
            severity=Severity.WARNING if ill else Severity.INFO,
            step=int(active.steps[low][0]) if ill else int(active.steps[-1]),
            measured=share,
            threshold=SHARE,
            values={"active": int(active.last), "dims": every, "asleep": asleep, "weight": weight(case, "kl")},
            evidence=Evidence(("active_units", *(f"kl.{one}" for one in asleep[:8]))),
            fix=Fix(weaker(case), keep_weights=False) if ill else None,
        )

    def words(self, finding: Finding) -> Words:
        values = finding.values
        named = ", ".join(
            f"z {one - 1}" for one in values["asleep"][:12]
        )  # as the latent's page and commands count them
        return Words(
            title=f"{values['active']} of {values['dims']} latent dimensions carry something"
            + (f"; these do not: {named}" if named and len(values["asleep"]) <= 12 else ""),
            cause=f"a KL of weight {values['weight']:g} costs more than these dimensions gain",
            advice="a smaller KL weight or free bits wakes them"
            if finding.severity is not Severity.INFO
            else "no fault: the images need no more; fewer dimensions would do",
        )
