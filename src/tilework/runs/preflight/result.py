"""The results of the checks before a run: codes, numbers and names. No words: those are made where a result is shown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

META = "preflight"
"""The key under which the run store keeps them."""
Value = float | str


class Verdict(StrEnum):
    """What a check came to."""

    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"
    NOT_CHECKED = "not-checked"


class Why(StrEnum):
    """Why something was not checked."""

    OTHER_TASK = "other-task"
    NO_TIME = "no-time"
    NO_MEMORY = "no-memory"
    NOTHING_TO_COMPARE = "nothing-to-compare"
    FOUND_BEFORE = "found-before"
    ONE_THREAD = "one-thread"
    ON_A_GPU = "on-a-gpu"
    NO_PERCEPTUAL_TERM = "no-perceptual-term"
    ERROR = "error"


@dataclass(frozen=True)
class Result:
    """What one check found."""

    code: str
    """Of the check, stable: `output-range`."""
    verdict: Verdict
    cause: str = ""
    """Which of the faults that the check knows; of what was not checked a `Why`; empty where it passed."""
    values: Mapping[str, Value] = field(default_factory=dict)
    """What was measured, by name; seconds, bytes and shares of 1."""
    about: tuple[str, ...] = ()
    """What of the spec it is about: loss terms, parts of the model."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """What to set in the spec, by path, to fix it; the first way where there are several."""
    seconds: float = 0.0
    """How long the check took."""
    known: bool = False
    """Whether the spec names it in `known_faults`."""

    @property
    def stops(self) -> bool:
        """Whether the run must not start."""
        return self.verdict is Verdict.FAILED and not self.known

    @property
    def warns(self) -> bool:
        """Whether a person should read of it, and the run may start."""
        return self.verdict is Verdict.WARNING or (self.verdict is Verdict.FAILED and self.known)

    def as_plain(self) -> dict[str, Any]:
        """For JSON, which has neither NaN nor infinity: they become null."""
        return {
            "code": self.code,
            "verdict": str(self.verdict),
            "cause": self.cause,
            "values": {name: _finite(value) for name, value in self.values.items()},
            "about": list(self.about),
            "changes": dict(self.changes),
            "seconds": self.seconds,
            "known": self.known,
        }

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> Result:
        """What `as_plain` gave. Raises ValueError for anything else."""
        try:
            values = {str(name): math.nan if value is None else value for name, value in plain["values"].items()}
            return cls(
                str(plain["code"]),
                Verdict(plain["verdict"]),
                str(plain["cause"]),
                values,
                tuple(map(str, plain["about"])),
                dict(plain["changes"]),
                float(plain["seconds"]),
                bool(plain["known"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"this is no result of a check: {error!r}") from None


@dataclass(frozen=True)
class Preflight:
    """All checks of one spec."""

    results: tuple[Result, ...]
    seconds: float

    @property
    def stopping(self) -> tuple[Result, ...]:
        """Those for which the run must not start."""
        return tuple(result for result in self.results if result.stops)

    @property
    def warnings(self) -> tuple[Result, ...]:
        """Those that a person should read of."""
        return tuple(result for result in self.results if result.warns)

    def of(self, code: str) -> Result | None:
        """The result of one check."""
        return next((result for result in self.results if result.code == code), None)

    def as_plain(self) -> dict[str, Any]:
        """For JSON."""
        return {"seconds": self.seconds, "results": [result.as_plain() for result in self.results]}

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> Preflight:
        """What `as_plain` gave. Raises ValueError for anything else."""
        try:
            return cls(tuple(Result.read(result) for result in plain["results"]), float(plain["seconds"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"this is no result of a preflight: {error!r}") from None


def _finite(value: Value) -> Value | None:
    return value if isinstance(value, str) or math.isfinite(value) else None
