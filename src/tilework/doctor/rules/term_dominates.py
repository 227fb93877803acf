"""One loss term has nearly all of the gradient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tilework.doctor.case import Case
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Finding, Fix, Severity, Words
from tilework.doctor.probed import looked, need_steps, step_of, weight_name, weighted

MOST = {"output": 0.99, "latent": 0.995}
"""Share of the gradient. Measured beside squared error: LPIPS with a weight of 5, which printed a grid of 15 grey levels, 0.996;
sharpness with 100, 0.999. Healthy: LPIPS with 0.3 at first 0.95, edges in a trained p5-sharp 0.55."""
HELD, PULLS = 1e-3, 0.2
"""Squared distance of tokens to their codes over their squared norm, and the commitment's share of the gradient on the latent.
A term that has won has little left to pull at: commitment with 250 had 0.4 of the gradient, at a distance of 0.0003; healthy
runs of two to two thousand codes are at 0.0014 to 0.2, with a share of 0.01."""
COMMITMENT = 0.25
"""What arXiv 1711.00937 uses; no lower one has won."""
EARLY = 200
"""Before so many steps tokens lie at their codes because these have just been placed there: rqvae-digits at step 50."""
PIXELS = ("mse", "l1", "bce")
"""Terms that a run may well be trained by alone."""


class Rule(Base):
    """**What**: one loss term drowns the others.

    **Measured**: the L2 norm of each term's gradient times its weight, over the sum of those of all terms: on the decoder's
    output among terms that compare it with the image, against 0.99, where the largest is none of `mse`, `l1` and `bce`; on
    the latent among all terms, against 0.995, where the largest is none that compares images. A commitment that holds tokens
    at their codes has won already: a share of 0.2 from step 200 on, where the squared distance to the code is below 0.001 of the
    squared norm and the weight above 0.25.

    **Cause**: a weight that was meant for a mean where the term is a sum, or the other way round, or simply too large.

    **Fix**: the weight at which both would have the same gradient now; of a commitment that has won, 0.25.
    """

    tasks: ClassVar = (AUTOENCODER,)
    probes: ClassVar = ("gradients",)
    follows_from: ClassVar = ("constant-output", "codebook-collapse", "quantiser-loss-cliff", "dead-units")

    def judge(self, case: Case) -> Finding | None:
        found = looked(case, "gradients")
        if found is None:
            return None
        compares = [name for name in found["compares"] if name in found["terms"]]
        others = [name for name in found["terms"] if name not in compares]
        return (
            self._at(case, found, "output", compares, [c for c in compares if c not in PIXELS])
            or self._at(case, found, "latent", found["terms"], others)
            or self._held(case, found)
        )

    @staticmethod
    def _held(case: Case, found: Mapping[str, Any]) -> Finding | None:
        """A commitment that leaves the encoder no room beside its codes."""
        total = sum(float(found[f"latent.{name}"]) for name in found["terms"])
        dim, size, error = case.setting("bottleneck.dim"), case.known("z_norm"), case.known("quantisation_error.1")
        if "commitment" not in found["terms"] or not isinstance(dim, int) or not (total > 0 and size > 0):
            return None
        share = float(found["latent.commitment"]) / total
        weight = float(found["weight.commitment"])
        if weight <= COMMITMENT or not (share > PULLS and error * dim / size**2 < HELD):
            return None
        need_steps(case, found, EARLY)
        return Finding(
            code="term-dominates",
            severity=Severity.WARNING,
            step=step_of(case, found),
            measured=share,
            threshold=PULLS,
            values={"term": "commitment", "place": "codes", "weight": weight},
            fix=Fix({weight_name(case, "commitment"): COMMITMENT}, keep_weights=False),
        )

    @staticmethod
    def _at(case: Case, found: Mapping[str, Any], place: str, among: list[str], suspects: list[str]) -> Finding | None:
        norms = {name: float(found[f"{place}.{name}"]) for name in among}
        total = sum(norms.values())
        term = max(suspects, key=lambda name: norms[name], default=None)
        if term is None or total <= 0 or norms[term] / total <= MOST[place]:
            return None
        rest = total - norms[term]
        if rest <= 0:
            return None  # No weight helps terms that have no gradient: what cuts it off is another rule's.
        fix = Fix(weighted(case, term, rest / norms[term]), keep_weights=False)
        return Finding(
            code="term-dominates",
            severity=Severity.WARNING,
            step=step_of(case, found),
            measured=norms[term] / total,
            threshold=MOST[place],
            values={"term": term, "place": place, "weight": float(found[f"weight.{term}"])},
            fix=fix,
        )

    def words(self, finding: Finding) -> Words:
        values = finding.values
        where = "at the decoder's output" if values["place"] == "output" else "on the latent"
        if values["place"] == "codes":
            return Words(
                title=f"the commitment (weight {values['weight']:g}) holds every token at its code: it still has "
                f"{finding.measured:.0%} of the gradient {where}",
                cause="its weight is so large that the encoder hardly moves",
                advice="with the usual weight the encoder goes where the images need it, and the codes follow",
            )
        return Words(
            title=f"the loss term {values['term']} (weight {values['weight']:g}) has {finding.measured:.1%} of the gradient "
            f"{where}",
            cause="its weight is too large beside those of the other terms",
            advice="with the weight below, both sides would pull alike",
        )
