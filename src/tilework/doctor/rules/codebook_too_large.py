"""There are too few training tokens for so many codes."""

from __future__ import annotations

import math
from typing import ClassVar

from tilework.doctor.case import Case
from tilework.doctor.codebooks import known_fault
from tilework.doctor.contract import AUTOENCODER
from tilework.doctor.contract import Rule as Base
from tilework.doctor.finding import Finding, Fix, Severity, Words
from tilework.doctor.token_count import positions_of, training_images

FEWEST = 10.0
"""Training tokens for each code. The mean of n points has an error of 1 / sqrt(n) of their spread, a third for 10; k-means
tools ask for 39 (FAISS), which the fix returns to."""
ENOUGH = 39


class Rule(Base):
    """**What**: the codebook is too large for the data: each code is learned from a handful of tokens, and learns them by
    heart.

    **Measured**: training tokens N (images x grid positions) over codes K, against 10, below which a code is the mean of so
    few tokens that it is off by a third of their spread. Known before the first step. Codes that are not learned (FSQ, LFQ)
    are not judged.

    **Fix**: as many codes as have 39 tokens each, rounded down to a power of two; placed by k-means and revived, where they
    start at random and stay dead. The codes begin anew.
    """

    tasks: ClassVar = (AUTOENCODER,)

    def judge(self, case: Case) -> Finding | None:
        codes = case.setting("bottleneck.codes")
        if not isinstance(codes, int):
            return None
        images, positions = training_images(case), positions_of(case)
        tokens = images * positions
        if tokens / codes >= FEWEST:
            return None
        fits = max(2, 2 ** int(math.log2(max(2.0, tokens / ENOUGH))))
        return Finding(
            code="codebook-too-large",
            severity=Severity.WARNING,
            step=0,
            measured=tokens / codes,
            threshold=FEWEST,
            values={"codes": codes, "tokens": int(tokens), "images": int(images), "positions": int(positions)},
            fix=Fix({"bottleneck.codes": fits, **known_fault(case)}, keep_weights=False),
        )

    def words(self, finding: Finding) -> Words:
        values = finding.values
        return Words(
            title=f"{values['codes']:,} codes for {values['tokens']:,} training tokens: {finding.measured:.1f} each",
            cause=f"{values['images']:,} images of {values['positions']:,} positions; a code that few tokens choose is noise",
            advice="use fewer codes, or bring more images",
        )
