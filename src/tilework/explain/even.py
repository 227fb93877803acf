"""What a codebook's usage comes to where all codes are equally likely: the bound that the number of tokens sets."""

from __future__ import annotations

import math

_LARGE = 500.0
"""Tokens per code above which the series is summed by its limit."""


def even_used(codes: int, tokens: float) -> float:
    """Codes that N tokens would cover: K (1 - exp(-N/K))."""
    return codes * -math.expm1(-tokens / codes)


def even_perplexity(codes: int, tokens: float) -> float:
    """The perplexity that N tokens would show, N more than 0, by Poisson counts of mean N/K:

    ln perplexity = ln N - E[c ln c] K / N
    """
    mean = tokens / codes
    if mean > _LARGE:  # E[c ln c] = mean ln mean + 1/2 + ...
        return codes * math.exp(-1 / (2 * mean))
    return tokens * math.exp(-_mean_c_ln_c(mean) / mean)


def _mean_c_ln_c(mean: float) -> float:
    """E[c ln c] of a Poisson count."""
    last = int(mean + 12 * math.sqrt(mean)) + 30
    return sum(c * math.log(c) * math.exp(c * math.log(mean) - mean - math.lgamma(c + 1)) for c in range(2, last))
