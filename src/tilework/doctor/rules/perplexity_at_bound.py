"""Validation has too few tokens for its perplexity to be read as usage."""

from __future__ import annotations

from typing import ClassVar

from tilework.doctor.case import Case
from tilework.doctor.codebooks import level_of, of_level
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Evidence, Finding, Severity, Words

FEW = 4
"""Tokens for each code, below which not all codes would be touched even if all were used equally often."""
NEAR = 0.7
"""Of the bound, from which on it is the bound that is measured."""


class Rule(Base):
    """**What**: no fault. Perplexity is exp(entropy) of the codes that were chosen, and N tokens have no more than N. Where
    validation has few tokens for each code, perplexity and codes in use look low however good the codebook is.

    **Measured**: held-out perplexity over the number of held-out tokens, against 0.7, with fewer than 4 tokens for each code.

    **Fix**: none is needed; more held-out images show the usage as it is.
    """

    tasks: ClassVar = (AUTOENCODER,)

    def judge(self, case: Case) -> Finding | None:
        codes = case.known("codes")
        if not codes > 2:
            return None
        tokens, levels = case.value("tokens"), case.parts("perplexity")
        if not levels or not 0 < tokens < FEW * codes:
            return None
        most = max(levels, key=case.known)
        curve = case.curve(most)
        if not curve.last / tokens > NEAR:
            return None
        return Finding(
            code="perplexity-at-bound",
            severity=Severity.INFO,
            step=int(curve.steps[-1]),
            measured=curve.last / tokens,
            threshold=NEAR,
            values={
                "perplexity": curve.last, "tokens": int(tokens), "codes": int(codes), "level": level_of(most),
                "levels": len(levels),
            },
            evidence=Evidence(tuple(levels)),
        )  # fmt: skip

    def words(self, finding: Finding) -> Words:
        values = finding.values
        return Words(
            title=f"held-out perplexity {values['perplexity']:.1f}{of_level(values['level'], values['levels'])} is near "
            f"its bound: validation has {values['tokens']:,} tokens for {values['codes']:,} codes",
            cause="N tokens have a perplexity of at most N, whatever the codebook; this is no fault",
            advice="compare perplexities of runs with the same held-out images, or hold out more of them",
        )
