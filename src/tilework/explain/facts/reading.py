"""A metric of this model, with the numbers that it is to be read by; and what failure would look like here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """What a value means, where there are bounds to judge it by."""

    NONE = "none"
    """Not measured yet, or nothing to hold it against."""
    GOOD = "good"
    FAULT = "fault"
    """Something that should not be."""
    LOW = "low"
    COLLAPSED = "collapsed"
    FOLLOWS = "follows"
    """As bad as it gets, because of another metric that has collapsed."""
    BOUND = "bound"
    """As high as the number of tokens allows."""


@dataclass(frozen=True)
class Reading:
    """One metric, or one level or dimension of it."""

    metric: str
    """As it is stored, with its part: `perplexity.2`."""
    label: str
    better: str = ""
    """lower, higher, or empty."""
    validation: float | None = None
    """The newest value of validation; None where there is none yet, or where it is never measured there."""
    training: float | None = None
    """The newest value of training."""
    marks: Mapping[str, float] = field(default_factory=dict)
    """What the value is read against, by name: K, N, the bounds of collapse and of good use, ..."""
    verdict: Verdict = Verdict.NONE
    shown: Mapping[str, str] = field(default_factory=dict)
    """The values with their digits and units: `validation`, `training`."""
    help: str = ""
    """What the table of metrics holds of it."""
    parts: int = 1
    """How many levels or dimensions of this metric there are."""


class Failure(StrEnum):
    """Ways in which such a model fails."""

    CODEBOOK = "codebook collapse"
    SHRINKING = "shrinking latents"
    """Encoder and codebook become smaller together."""
    DEAD_CODES = "dead codes"
    POSTERIOR = "posterior collapse"
    SATURATED = "saturated levels"
    """FSQ: the encoder is driven beyond what its levels can distinguish."""
    CONSTANT_IMAGE = "one image for all"
    NO_BETTER_THAN_COUNTS = "no better than counting"
    """A prior that has learnt shares of codes alone."""
    BY_HEART = "learnt by heart"


@dataclass(frozen=True)
class Symptom:
    """One way to fail, with the numbers by which it would be seen here."""

    failure: Failure
    marks: Mapping[str, float] = field(default_factory=dict)
    verdict: Verdict = Verdict.NONE
    """Where this run stands."""
