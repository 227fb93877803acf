"""The numbers by which metrics are read, and what a value means against them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tilework.explain.even import even_perplexity, even_used
from tilework.explain.facts.reading import Verdict

WINDOW = 100
"""Steps over which training counts its codes."""
LEAST = 1.5
"""Two codes in equal use have perplexity 2, a 9:1 share has 1.38."""
COLLAPSED_SHARE, WELL_SHARE = 1 / 80, 1 / 4
"""Of what is possible: below the one nearly nothing of a codebook is in use, above the other it is put to good use."""
FULL_SHARE = 0.9
"""Of what the number of tokens allows: more shows nothing about the codebook."""


@dataclass(frozen=True)
class Usage:
    """By what perplexity and codes in use are read: K codes, N tokens (None where they were not counted)."""

    codes: int
    tokens: float | None

    @property
    def most_perplexity(self) -> float:
        """What is possible: K, or what N tokens allow."""
        return even_perplexity(self.codes, self.tokens) if self.tokens else float(self.codes)

    @property
    def most_used(self) -> float:
        """The same of codes in use."""
        return even_used(self.codes, self.tokens) if self.tokens else float(self.codes)

    @property
    def collapsed(self) -> float:
        """Perplexity below which the codebook has collapsed."""
        return max(LEAST, self.most_perplexity * COLLAPSED_SHARE)

    @property
    def well(self) -> float:
        """Perplexity above which the codebook is put to good use."""
        return max(2 * LEAST, self.most_perplexity * WELL_SHARE) if self.codes > 4 else self.most_perplexity / 2

    @property
    def bounded(self) -> bool:
        """Whether the tokens are too few to show all codes."""
        return self.most_perplexity < FULL_SHARE * self.codes

    def verdict(self, perplexity: float) -> Verdict:
        """What a perplexity means."""
        if not math.isfinite(perplexity):
            return Verdict.NONE
        if perplexity < self.collapsed and self.codes > 2:
            return Verdict.COLLAPSED
        if self.bounded and perplexity >= FULL_SHARE * self.most_perplexity:
            return Verdict.BOUND
        return Verdict.GOOD if perplexity >= self.well else Verdict.LOW

    def marks(self) -> dict[str, float]:
        """The same by name."""
        found = {
            "codes": float(self.codes),
            "collapsed": self.collapsed,
            "well": self.well,
            "most": self.most_perplexity,
            "most_used": self.most_used,
            "bounded": float(self.bounded),
        }
        if self.tokens:
            found |= {"tokens": float(self.tokens), "tokens_per_code": self.tokens / self.codes}
        return found


def grey_levels(mse: float) -> float:
    """The root of a mean squared error on pixels in [0, 1], in steps of 0 to 255."""
    return 255 * math.sqrt(max(0.0, mse))


def mse_of(psnr: float) -> float:
    """The mean squared error of a PSNR in dB."""
    return float(10 ** (-psnr / 10))


def psnr_of(mse: float) -> float:
    """The PSNR in dB of a mean squared error above 0."""
    return -10 * math.log10(mse)
