"""Codes went out of use after a setting was changed by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from tilework.doctor.case import Case, Curve
from tilework.doctor.codebooks import level_of, of_level
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Evidence, Finding, Severity, Words
from tilework.doctor.training_loss import smooth
from tilework.runs.records import Command

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
        levels = case.parts("perplexity", "train") if changes else []
        lost = [found for level in levels for found in _lost(case.curve(level, "train"), changes, level)]
        if not lost:
            return None
        worst = min(lost, key=lambda one: one.share)
        return Finding(
            code="codes-lost",
            severity=Severity.WARNING,
            step=worst.step,
            measured=worst.share,
            threshold=HALF,
            values={
                "name": str(worst.change.payload["name"]), "value": worst.change.payload.get("value"), "at": worst.at,
                "back": worst.change.payload.get("before"), "was": worst.was, "now": worst.now,
                "level": level_of(worst.level), "levels": len(levels),
            },
            evidence=Evidence((worst.level,), "train"),
            fix=None,
        )  # fmt: skip

    def words(self, finding: Finding) -> Words:
        values = finding.values
        where = of_level(values["level"], values["levels"])
        heavy = "commitment" in values["name"] and values["back"] is not None and values["value"] > values["back"]
        back = "" if values["back"] is None else f" to {values['back']:g}"
        return Words(
            title=f"codes{where} went out of use after {values['name']} was set to {values['value']} at step {values['at']:,}: "
            f"perplexity {values['was']:.1f}, now {values['now']:.1f}",
            cause="a heavy commitment holds the encoder at the codes that it has, and codes that win nothing die"
            if heavy
            else "with that value the encoder keeps fewer kinds of tokens apart",
            advice=f"set {values['name']} back{back}, then revive the dead codes",
        )


@dataclass(frozen=True)
class _Lost:
    """What one level lost between a change and the next one."""

    change: Command
    at: int
    level: str
    was: float
    now: float
    share: float
    step: int
    """The first at which half of it was gone."""


def _lost(curve: Curve, changes: Sequence[Command], level: str) -> Iterator[_Lost]:
    values = smooth(curve.values, ROWS)
    steps = [one.applied_step or 0 for one in changes]
    for change, at, end in zip(changes, steps, [*steps[1:], math.inf], strict=True):
        before, after = values[curve.steps <= at], values[(curve.steps > at) & (curve.steps <= end)]
        if min(len(before), len(after)) < ROWS:
            continue
        was, left, now = float(before[-1]), float(after[-1]), float(values[-1])
        if was >= LEAST and left < HALF * was and now < HALF * was:
            gone = curve.steps[curve.steps > at][values[curve.steps > at] < HALF * was]
            yield _Lost(change, at, level, was, now, left / was, int(gone[0]))
