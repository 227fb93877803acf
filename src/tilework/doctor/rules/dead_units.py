"""Units that are 0 for every image."""

from __future__ import annotations

from typing import ClassVar

from tilework.doctor.case import Case
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Finding, Fix, Severity, Words
from tilework.doctor.learning_rate import lower
from tilework.doctor.probed import looked, step_of

NEARLY, ALL = 0.98, 1.0
"""Share of one layer's units. Small latents need few: with two dimensions a healthy dense layer of 128 has 0.9 dead, and feature
maps of 128 in front of 32 dimensions 0.7."""


class Rule(Base):
    """**What**: units behind a ReLU whose output is 0 at every position of every image. No gradient reaches them any more.

    **Measured**: the share of dead units in the worst layer that everything goes through, against 0.98: fewer than one in fifty
    still answers (an error where none does: nothing gets through). Most units of a layer may be dead without harm, and all of
    those within a residual block.

    **Cause**: steps so large that a bias was driven below all that comes in.

    **Fix**: a lower learning rate, and anew: dead units do not come back.
    """

    tasks: ClassVar = (AUTOENCODER,)
    probes: ClassVar = ("activations",)
    follows_from: ClassVar = ("loss-diverging", "loss-spiking", "learning-rate-high", "output-cut")

    def judge(self, case: Case) -> Finding | None:
        found = looked(case, "activations")
        if found is None or found["worst"] < NEARLY:
            return None
        return Finding(
            code="dead-units",
            severity=Severity.ERROR if found["worst"] >= ALL else Severity.WARNING,
            step=step_of(case, found),
            measured=float(found["worst"]),
            threshold=NEARLY,
            values={"layer": str(found["layer"]), "dead": int(found["dead"]), "units": int(found["units"])},
            fix=Fix(lower(case), keep_weights=False),
        )

    def words(self, finding: Finding) -> Words:
        values = finding.values
        return Words(
            title=f"{finding.measured:.0%} of the units of {values['layer']} are 0 for every image "
            f"({values['dead']:,} of {values['units']:,} in the whole network)",
            cause="steps were so large that their inputs never rise above 0 again",
            advice="begin again with smaller steps",
        )
