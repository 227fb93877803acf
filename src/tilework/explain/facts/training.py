"""What is learnt from: loss terms, their schedules, the optimiser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


@dataclass(frozen=True)
class Course:
    """A number and how it moves with the run."""

    kind: str
    start: float
    low: float
    high: float
    settings: Mapping[str, Any] = field(default_factory=dict)
    """As the spec has them: end, over, every, rise, warmup, ..."""


class Role(StrEnum):
    """What a loss term is about."""

    RECONSTRUCTION = "reconstruction"
    CODES = "codes"
    """It moves the codes."""
    ENCODER = "encoder"
    """It holds the encoder's vectors near something."""
    OTHER = "other"


@dataclass(frozen=True)
class TermFact:
    """One loss term."""

    name: str
    role: Role
    course: Course
    per: str = ""
    """pixel or image, where the term has the choice."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    about: str = ""
    """The docstring of its file, for terms that the glossary does not know."""
    value: float | None = None
    """Its newest value in this run, before its weight."""
    weight: float | None = None
    """Its newest weight in this run."""


@dataclass(frozen=True)
class Training:
    """What is learnt from, and how."""

    terms: tuple[TermFact, ...]
    optimizer: str
    lr: Course
    clip_norm: float | None
    batch: int
    steps: int | None
    epochs: int | None
    early_stopping: int | None
    """Epochs of patience; None = runs to the end."""
    ema_weights: float | None
    trackers: tuple[str, ...] = ()
