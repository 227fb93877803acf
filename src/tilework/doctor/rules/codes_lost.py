"""Codes went out of use after a setting was changed by hand."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from tilework.doctor.case import Case
from tilework.doctor.codebooks import level_of, of_level
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Evidence, Finding, Severity, Words
from tilework.doctor.training_loss import smooth

HALF = 0.5
"""Of the perplexity before the change. Healthy codebooks lose a third at most once they have spread."""
LEAST = 3.0
"""Perplexity before the change, below which there was nothing to lose."""
ROWS = 5
"""Training rows whose median is compared, before and after; fewer say nothing yet."""


class Rule(Base):
    """**What**: since a setting was changed while the run went on, tokens choose fewer codes.

    **Measured**: median training perplexity of the last 5 rows over that of the 5 rows before the change, in the level that lost
    the most, against 0.5. Of several changes the one after which the most was lost, up to the next one.

    **Cause**: a heavy commitment holds the encoder at the codes that it has, and codes that win nothing die; a larger learning
    rate lets the encoder leave them; a loss term that outweighs the reconstruction leaves nothing to distinguish.

    **Fix**: none for a new run, whose spec never had that value: set it back in this one, and revive the dead codes.
    """

    tasks: ClassVar = (AUTOENCODER,)
    follows_from: ClassVar = ("loss-diverging", "learning-rate-high", "quantiser-loss-cliff")

    def judge(self, case: Case) -> Finding | None:
        changes = [
            one
            for one in case.store.commands()
            if one.kind == "set" and one.status == "applied" and one.applied_step is not None and "name" in one.payload
        ]
        best: Finding | None = None
        for level in case.parts("perplexity", "train") if changes else ():
            curve = case.curve(level, "train")
            values = smooth(curve.values, ROWS)
            ends = [*(one.applied_step or 0 for one in changes[1:]), math.inf]
            for change, end in zip(changes, ends, strict=True):
                at = change.applied_step or 0
                before, after = curve.steps <= at, (curve.steps > at) & (curve.steps <= end)
                if before.sum() < ROWS or after.sum() < ROWS:
                    continue
                was, left, now = (float(one) for one in (values[before][-1], values[after][-1], values[-1]))
                if not (was >= LEAST and left < HALF * was and now < HALF * was):
                    continue
                if best is None or left / was < best.measured:
                    fell = int(curve.steps[after][values[after] < HALF * was][0])
                    best = self._finding(level, fell, left / was, {
                        "name": str(change.payload["name"]), "value": change.payload.get("value"), "at": at,
                        "back": change.payload.get("before"), "was": was, "now": now, "level": level_of(level),
                        "levels": len(case.parts("perplexity", "train")),
                    })  # fmt: skip
        return best

    @staticmethod
    def _finding(level: str, step: int, measured: float, values: dict[str, object]) -> Finding:
        return Finding(
            code="codes-lost",
            severity=Severity.WARNING,
            step=step,
            measured=measured,
            threshold=HALF,
            values=values,
            evidence=Evidence((level,), "train"),
            fix=None,
        )

    def words(self, finding: Finding) -> Words:
        values = finding.values
        where = of_level(values["level"], values["levels"])
        heavy = "commitment" in values["name"] and _number(values["value"]) > _number(values["back"])
        back = f" to {values['back']:g}" if isinstance(values["back"], (int, float)) else ""
        return Words(
            title=f"codes{where} went out of use after {values['name']} was set to {values['value']} at step {values['at']:,}: "
            f"perplexity {values['was']:.1f}, now {values['now']:.1f}",
            cause="a heavy commitment holds the encoder at the codes that it has, and codes that win nothing die"
            if heavy
            else "with that value the encoder keeps fewer kinds of tokens apart",
            advice=f"set {values['name']} back{back}, then revive the dead codes",
        )


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and np.isfinite(value) else 0.0
