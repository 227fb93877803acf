"""A loss term has a weight and moves nothing."""

from __future__ import annotations

from typing import ClassVar

from tilework.doctor.case import Case
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Finding, Fix, Severity, Words
from tilework.doctor.probed import largest_weight, looked, step_of

NOTHING = 1e-4
"""Share of the gradient at the decoder's output below which a term that compares images contributes nothing."""
LEARNED = 1e-6
"""Mean squared error below which there is nothing left to compare."""


class Rule(Base):
    """**What**: a loss term with a weight contributes nothing to what is learned.

    **Measured**: for a term that compares the output with the image, the L2 norm of its gradient on the output, times the largest
    weight that its schedule has, over the sum of those of all such terms, against 0.0001. Another term: whether it has no
    gradient at all, neither on the latent nor on the codes, while its value is not 0 (a term at 0 asks for nothing).

    **Cause**: a network that the term needs is missing and it goes on without; its input was detached; it compares something
    with itself; or it is a mean beside a sum, and its weight is far too small.

    **Fix**: without the term: the run is the same without it, and its spec names only what it is trained by.
    """

    tasks: ClassVar = (AUTOENCODER,)
    probes: ClassVar = ("gradients",)
    follows_from: ClassVar = ("constant-output", "posterior-collapse", "kl-vanishing")

    def judge(self, case: Case) -> Finding | None:
        found = looked(case, "gradients")
        if found is None:
            return None
        total = sum(float(found[f"output.{name}"]) for name in found["terms"])
        for term in found["terms"]:
            # On a ramp a weight may be next to nothing for a while.
            to_come = max(1.0, largest_weight(case, term) / max(float(found[f"weight.{term}"]), 1e-30))
            share = to_come * found[f"output.{term}"] / total if total > 0 else 0.0
            if term in found["compares"]:
                idle = found["mse"] > LEARNED and share < NOTHING
            elif case.setting(f"objective.{term}.free_bits"):
                continue  # Below them it asks for nothing, whatever its value.
            else:
                idle = found[f"latent.{term}"] == found[f"codes.{term}"] == 0 and abs(found[f"value.{term}"]) > 0
            if idle:
                return Finding(
                    code="term-idle",
                    severity=Severity.WARNING,
                    step=step_of(case, found),
                    measured=float(share),
                    threshold=NOTHING,
                    values={
                        "term": term,
                        "value": float(found[f"value.{term}"]),
                        "weight": float(found[f"weight.{term}"]),
                        "compares": term in found["compares"],
                    },
                    fix=Fix({f"objective.{term}": None}) if len(found["terms"]) > 1 else None,
                )
        return None

    def words(self, finding: Finding) -> Words:
        values = finding.values
        where = "the gradient at the decoder's output" if values["compares"] else "any gradient"
        return Words(
            title=f"the loss term {values['term']} (weight {values['weight']:g}, value {values['value']:.4g}) has "
            f"{finding.measured:.2g} of {where}",
            cause="what it needs is missing, or it sees no difference"
            if finding.measured == 0
            else "its weight is far too small beside the other terms",
            advice="leave it out, or give it what it lacks: so far it has done nothing",
        )
