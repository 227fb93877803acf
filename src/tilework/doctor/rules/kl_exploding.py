"""The latent of a VAE has left its prior."""

from __future__ import annotations

from typing import ClassVar

from tilework.doctor.case import Case
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.divergence import dims, gaussian, kl_of, stronger
from tilework.doctor.finding import Evidence, Finding, Fix, Severity, Words
from tilework.doctor.schedules import weight

FAR = 10.0
"""Nats of a dimension: 14 bits, finer than any image is measured. Autoencoders with a token KL for diffusion (weight 1e-6)
have 9 to 10; a VAE that can be sampled 1 to 4."""


class Rule(Base):
    """**What**: the KL of the latent grows without bound: its noise is gone or its means run away, so that points drawn from
    the prior are nowhere near anything the decoder has seen, and samples are noise.

    **Measured**: held-out KL of a dimension (mean over dimensions) in nats, against 10, from step 100 on.

    **Cause**: a KL weight of (nearly) nothing, or a learning rate at which variances overflow.

    **Fix**: ten times the KL weight; where there was none, 1 beside a sum over pixels, 1 / pixels beside a mean.
    """

    tasks: ClassVar = (AUTOENCODER,)
    follows_from: ClassVar = ("loss-diverging", "learning-rate-high")

    def judge(self, case: Case) -> Finding | None:
        if case.setting("bottleneck.kind") != "gaussian" or not (
            gaussian(case) or case.setting("objective.kl") is not None
        ):
            return None
        kl, every = kl_of(case), max(1, dims(case))
        if not len(kl) or kl.last / every <= FAR:
            return None
        return Finding(
            code="kl-exploding",
            severity=Severity.WARNING,
            step=int(kl.steps[kl.values / every > FAR][0]),
            measured=kl.last / every,
            threshold=FAR,
            values={"kl": kl.last, "dims": every, "weight": weight(case, "kl")},
            evidence=Evidence(("kl",)),
            fix=Fix(stronger(case), keep_weights=False),
        )

    def words(self, finding: Finding) -> Words:
        values = finding.values
        return Words(
            title=f"the latent is {finding.measured:.3g} nats a dimension away from its prior",
            cause=f"a KL of weight {values['weight']:g} does not hold it there",
            advice="reconstructions may be sharp, and yet samples will be noise",
        )
