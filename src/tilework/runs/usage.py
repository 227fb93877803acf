"""How many codes of each level of a codebook a validation has used. Whether that is too few is for the doctor to
judge."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count


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
