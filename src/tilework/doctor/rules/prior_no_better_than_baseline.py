"""A prior codes tokens no better than a table would."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from tilework.doctor.case import Case
from tilework.doctor.contract import PRIOR
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import CannotJudge, Evidence, Finding, Fix, Missing, Severity, Words
from tilework.doctor.learning_rate import steps_since_warm_up, times_usual, usual_again

BETTER = 0.98
"""Of the best plain code's bits, that a prior must take less than."""
SHARE, FIRST = 0.1, 200
"""Of its budget, and the steps at full learning rate, after which a prior is judged."""


class Rule(Base):
    """**What**: held-out tokens take the prior as many bits as a plain code takes that knows nothing of images: each code's
    share in training, or a copy of the frame before.

    **Measured**: held-out bits per token over those of the best plain code (`coding`), against 0.98, after a tenth of the
    budget and 200 steps at full learning rate.

    **Mistaken for it**: the first steps, in which a prior learns what the table holds.

    **Fix**: where bits still fall, twice as many steps; else the usual learning rate, where it is not near it.
    """

    tasks: ClassVar = (PRIOR,)
    follows_from: ClassVar = (
        "loss-stalled", "learning-rate-low", "learning-rate-high", "loss-diverging", "gradient-vanishing",
        "prior-memorises", "prior-tokenizer-changed",
    )  # fmt: skip

    def judge(self, case: Case) -> Finding | None:
        plain = {name: case.known(name) for name in case.parts("coding") if "." in name}
        plain = {name: bits for name, bits in plain.items() if math.isfinite(bits) and bits > 0}
        if not plain:
            raise CannotJudge(Missing.SERIES, name="coding", split="val")
        bits = case.validated("bits")
        warm = steps_since_warm_up(case)
        if case.progress < SHARE or warm < min(FIRST, case.meta.get("total_steps") or FIRST):
            raise CannotJudge(Missing.STEPS, have=warm, need=FIRST)
        best = min(plain, key=lambda name: plain[name])
        share = bits.last / plain[best]
        if not share > BETTER:
            return None
        changes = self._changes(case, still_falls=len(bits) > 1 and bits.last < 0.99 * bits.values[-2])
        return Finding(
            code="prior-no-better-than-baseline",
            severity=Severity.ERROR if case.progress > 0.5 else Severity.WARNING,
            step=int(bits.steps[-1]),
            measured=share,
            threshold=BETTER,
            values={"bits": bits.last, "plain": plain[best], "code": best.partition(".")[2]},
            evidence=Evidence(("bits", best)),
            fix=Fix(changes) if changes else None,
        )

    @staticmethod
    def _changes(case: Case, *, still_falls: bool) -> dict[str, Any]:
        if still_falls:
            steps, epochs = case.setting("engine.steps"), case.setting("engine.epochs")
            return {"engine.steps": 2 * steps} if isinstance(steps, int) else {"engine.epochs": 2 * int(epochs or 1)}
        return usual_again(case) if not 1 / 3 <= times_usual(case) <= 3 else {}

    def words(self, finding: Finding) -> Words:
        values = finding.values
        known = {
            "uniform": "when all codes are equally likely",
            "unigram": "by the share of each code in training",
            "copy": "when the frame before is copied",
        }
        return Words(
            title=f"a token takes the prior {values['bits']:.2f} bits, and {values['plain']:.2f} "
            f"{known.get(values['code'], 'by a plain code')}",
            cause="it has not learned how tokens hang together",
            advice="what it draws now is as good as tokens drawn one by one",
        )
