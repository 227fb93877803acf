"""Nearly every token has the same code."""

from __future__ import annotations

from typing import ClassVar

from tilework.doctor.case import Case
from tilework.doctor.codebooks import cut_short, known_fault, level_of, of_level, wait
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Evidence, Finding, Fix, Severity, Words
from tilework.doctor.learning_rate import lower

COLLAPSED = 1.5
"""Perplexity below which nearly all tokens share one code: two codes in equal use have 2, a 9:1 share has 1.38."""
FEW_TOKENS = 16
_ANEW = "begin again: the decoder has learned to do without its latent"


class Rule(Base):
    """**What**: of one level of a codebook, nearly all held-out tokens have one code, so that codes carry nothing of an
    image.

    **Measured**: held-out perplexity of the worst level, against 1.5 codes; at least 16 tokens and more than 2 codes. Only
    codes that start at random with nothing that revives them are judged from step 100 on: any other codebook may still spread
    until step 500, as that of the digits does after the mean image is learned. A run that is shorter is judged at its end;
    its fix is to train longer.

    **Cause**: codes that start at random far from what the encoder gives, with nothing that revives them; an encoder whose
    outputs shrink (`quantiser-loss-cliff`); a learning rate that is too high.

    **Fix**: codes are placed by k-means on encoder outputs, and dead ones are revived; where that is so already, a lower
    learning rate. The weights are not kept: the decoder has learned to do without its latent.
    """

    tasks: ClassVar = (AUTOENCODER,)
    follows_from: ClassVar = (
        "quantiser-loss-cliff",
        "codes-lost",
        "codebook-frozen",
        "gradient-vanishing",
        "output-cut",
        "constant-output",
        "loss-diverging",
        "term-idle",
        "term-dominates",
        "dead-units",
        "learning-rate-high",
    )

    def judge(self, case: Case) -> Finding | None:
        codes = case.known("codes")
        if not codes > 2:
            return None
        changes = known_fault(case)
        wait(case, changes)
        if case.value("tokens") < FEW_TOKENS:
            return None
        levels = case.parts("perplexity")
        worst = min(levels, key=case.known, default=None)
        if worst is None or not case.known(worst) < COLLAPSED:
            return None
        curve, longer = case.curve(worst), cut_short(case, changes)
        return Finding(
            code="codebook-collapse",
            severity=Severity.WARNING if longer else Severity.ERROR,
            step=int(curve.steps[curve.values < COLLAPSED][0]),
            measured=case.value(worst),
            threshold=COLLAPSED,
            values={
                "codes": int(codes), "level": level_of(worst), "levels": len(levels),
                "tokens": int(case.value("tokens")), "fault": bool(changes),
                "short": bool(longer),
            },
            evidence=Evidence(tuple(levels)),
            fix=Fix(longer) if longer else Fix(changes or lower(case), keep_weights=False),
        )  # fmt: skip

    def words(self, finding: Finding) -> Words:
        values = finding.values
        if values["short"]:
            cause, advice = "the run was short: it may spread yet, as codebooks do", "train longer"
        elif values["fault"]:
            cause, advice = "codes start where the encoder never goes, and nothing brings them back", _ANEW
        else:
            cause, advice = "steps were so large that the encoder left its codes behind", _ANEW
        where = of_level(values["level"], values["levels"])
        return Words(
            title=f"the codebook{where} has collapsed: held-out perplexity {finding.measured:.2f} of {values['codes']:,} codes",
            cause=cause,
            advice=advice,
        )
