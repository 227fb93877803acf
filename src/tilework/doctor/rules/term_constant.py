"""A loss term never changes."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from tilework.doctor.case import Case
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import CannotJudge, Evidence, Finding, Fix, Missing, Severity, Words

SAME = 1e-6
"""Of its value: rows of different batches that agree in six digits were not computed from them."""
ROWS = 5
MAY_BE_ZERO = {("fsq", "commitment")}
"""FSQ measures how far latents are beyond its levels: within them it is zero, and well."""


class Rule(Base):
    """**What**: a term of the objective is exactly zero or exactly constant over many different batches: it teaches nothing.
    A perceptual loss whose network is missing or broken looks like this.

    **Measured**: the spread of the term over its newest rows, at least 5, as a share of its value, against 1e-6; terms whose
    weight is above 0.

    **Mistaken for it**: the commitment of FSQ, which is zero within its levels; a term whose weight is 0, which is not
    computed.

    **Fix**: the term is removed, so that nothing is promised that is not done; a perceptual loss with weights of its own goes
    back to those that are looked for by default.
    """

    tasks: ClassVar = (AUTOENCODER,)
    follows_from: ClassVar = ("quantiser-loss-cliff", "kl-vanishing", "loss-diverging", "gradient-vanishing")

    def judge(self, case: Case) -> Finding | None:
        weighted = [n.partition(".")[2] for n, split in case.names if split == "train" and n.startswith("weight.")]
        terms = sorted(term for term in weighted if (term, "train") in case.names)
        if not terms:
            raise CannotJudge(Missing.SERIES, name="weight", split="train")
        long_enough = False
        for term in terms:
            if (case.setting("bottleneck.kind"), term) in MAY_BE_ZERO or not case.known(f"weight.{term}", "train") > 0:
                continue
            value = case.curve(term, "train")
            newest = value.values[-max(ROWS, len(value) // 4) :]
            if len(newest) < ROWS:
                continue
            long_enough = True
            level = float(np.max(np.abs(newest)))
            if not np.isfinite(newest).all() or np.ptp(newest) > SAME * level:
                continue
            return self._found(case, term, value.steps, value.values, level)
        if not long_enough:
            raise CannotJudge(
                Missing.STEPS, name=terms[0], split="train", have=len(case.curve(terms[0], "train")), need=ROWS
            )
        return None

    @staticmethod
    def _found(case: Case, term: str, steps: Any, values: Any, level: float) -> Finding:
        moved = np.flatnonzero(np.abs(values - values[-1]) > SAME * level)
        since = int(steps[moved[-1] + 1]) if len(moved) else int(steps[0])
        changes: dict[str, Any] = {f"objective.{term}": None}
        if term == "lpips" and case.setting("objective.lpips.weights") is not None:
            changes = {"objective.lpips.weights": None}
        others = set(case.setting("objective", {})) - {term, "kl", "commitment", "codebook", "entropy", "sinkhorn"}
        return Finding(
            code="term-constant",
            severity=Severity.WARNING,
            step=since,
            measured=float(np.ptp(values[values == values][-ROWS:])) / level if level else 0.0,
            threshold=SAME,
            values={"term": term, "value": float(values[-1]), "rows": len(values)},
            evidence=Evidence((term,), "train"),
            fix=Fix(changes) if others else None,
        )

    def words(self, finding: Finding) -> Words:
        values = finding.values
        return Words(
            title=f"the loss term {values['term']} has been exactly {values['value']:g} for every batch since "
            f"step {finding.step:,}",
            cause="what it is computed with is missing or broken"
            if values["value"] == 0
            else "it does not depend on the images",
            advice="a term that never changes teaches nothing: repair it or leave it out",
        )
