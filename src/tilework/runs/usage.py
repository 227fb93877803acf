"""What validation metrics say against a codebook, in words: the terminal, the list of runs and the page say the same."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

COLLAPSED = 1.5
"""Perplexity below which nearly all tokens share one code: two codes in equal use have 2, a 9:1 share has 1.38."""

EARLY = 500
"""Steps in which a codebook without a known fault may still spread by itself: the digits' models give everything one code for
some 200 steps, while they learn the mean picture, and have spread by step 400 (RQ) and 460 (FSQ)."""


@dataclass(frozen=True)
class LevelUsage:
    """How many codes of one level validation has used, with what that is to be read with."""

    number: int
    name: str
    """`level 2`; empty where there is one level alone."""
    used: int
    codes: int
    """K, of this level."""
    tokens: int
    """N, the tokens that each chose a code; 0 where nobody counted."""
    perplexity: float
    """NaN where it was not measured."""

    @property
    def tokens_per_code(self) -> float:
        """N/K."""
        return self.tokens / self.codes


def levels(values: Mapping[str, float]) -> list[LevelUsage]:
    """Each level's usage, given the values of a validation pass; [] for a run without codes."""
    codes, found = int(values.get("codes", 0)), []
    for number in count(1) if codes > 0 else ():
        used = values.get(f"used.{number}")
        if used is None:
            break
        name = f"level {number}" if "used.2" in values else ""
        tokens, perplexity = int(values.get("tokens", 0)), values.get(f"perplexity.{number}", math.nan)
        found.append(LevelUsage(number, name, int(used), codes, tokens, perplexity))
    return found


@dataclass(frozen=True)
class Doubt:
    """What is wrong with one level of a codebook."""

    text: str
    collapsed: bool
    """Nearly every token has the same code; else many codes are not used at all."""


def poorly_used(values: Mapping[str, float]) -> list[Doubt]:
    """One doubt for each level that has collapsed, or of which less than a quarter is in use.

    Nothing is said where a code had less than four tokens on average: an honest codebook may leave many out then.
    """
    return list(_doubts(values))


def ripe(step: int, total: int | None) -> bool:
    """Whether a codebook has been trained enough for a doubt: 100 steps, or all of a shorter run.

    An epoch is no measure: on a small data set it is over before a healthy codebook has spread.
    """
    return step >= min(100, max(1, total or 100))


def cure(doubt: Doubt, spec: Mapping[str, Any], step: int) -> str:
    """How to begin again, given the spec as it was written and the step; empty where training longer is what helps."""
    bottleneck, objective = spec.get("bottleneck") or {}, spec.get("objective") or {}
    if bottleneck.get("start") == "random" and bottleneck.get("revival", True) is None:
        return (
            "they start at random and nothing revives them, as the recipe has it; "
            "begin again with bottleneck.start=kmeans bottleneck.revival={}"
        )
    if not doubt.collapsed:
        return ""
    if bottleneck.get("kind") == "fsq" and not objective.get("commitment"):
        return (
            "nothing keeps the encoder where the levels can tell its outputs apart; "
            "begin again with objective.commitment=0.25"
        )
    return "" if step < EARLY else "begin again with a lower optimizer.lr"


def _doubts(values: Mapping[str, float]) -> Iterator[Doubt]:
    for level in levels(values):
        where = f" of {level.name}" if level.name else ""
        used, codes, tokens, perplexity = level.used, level.codes, level.tokens, level.perplexity
        if perplexity < COLLAPSED and codes > 2 and tokens >= 16:
            yield Doubt(
                f"the codebook{where} has collapsed: validation perplexity {perplexity:.2f} of {codes:,}, "
                "nearly every token has the same code",
                True,
            )
        elif used < codes / 4 and tokens >= 4 * codes:
            yield Doubt(f"only {used:,} of {codes:,} codes{where} are in use in validation", False)
