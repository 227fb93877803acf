"""What a rule reports, as values. Words are made from them by the rule's own `words`, where a person reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self


class Severity(StrEnum):
    """How bad it is."""

    INFO = "info"
    """Good to know; nothing to fix."""
    WARNING = "warning"
    """The run is worse than it need be."""
    ERROR = "error"
    """What comes out is not worth keeping."""

    @property
    def rank(self) -> int:
        """0 is the worst."""
        return [Severity.ERROR, Severity.WARNING, Severity.INFO].index(self)


@dataclass(frozen=True)
class Fix:
    """One change of the spec."""

    changes: Mapping[str, Any] = field(default_factory=dict)
    """Setting -> value, by full names: `optimizer.lr` -> 1e-4. A value of None takes a setting back to its default."""
    keep_weights: bool = True
    """Whether the weights of the run are sound, so that a new run may begin from them; else it begins anew."""

    def overrides(self) -> list[str]:
        """The changes as they are typed after a spec's name."""
        return [f"{name}={_typed(value)}" for name, value in self.changes.items()]


def _typed(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_typed(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_typed(inner) for inner in value) + "]"
    if value is None or isinstance(value, bool):
        return str(value).lower() if value is not None else "null"
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Evidence:
    """What can be looked at: numbers of the run (series by their names, steps from..to), and a small image in the run folder."""

    series: tuple[str, ...] = ()
    split: str = "val"
    steps: tuple[int, int] | None = None
    image: str = ""
    """A file relative to the run folder; empty = none."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing, with a run."""

    code: str
    """Stable name of the rule: `codebook-collapse`."""
    severity: Severity
    step: int
    """From which on it holds."""
    measured: float
    threshold: float
    """What `measured` was held against."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """What else its words need: numbers, names."""
    evidence: Evidence = field(default_factory=Evidence)
    fix: Fix | None = None
    because: str = ""
    """The code of the finding that this one follows from; empty = a cause of its own."""

    def as_dict(self) -> dict[str, Any]:
        """As plain data: what a run's store keeps and `tilework doctor --json` prints."""
        return asdict(self)

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        """What `as_dict` wrote. Raises KeyError, TypeError or ValueError for anything else."""
        fix, evidence = stored.get("fix"), dict(stored.get("evidence") or {})
        for name in ("series", "steps"):
            if evidence.get(name) is not None:
                evidence[name] = tuple(evidence[name])
        kept = {key: stored[key] for key in ("code", "step", "measured", "threshold")}
        return cls(
            **kept,
            severity=Severity(stored["severity"]),
            values=dict(stored.get("values") or {}),
            evidence=Evidence(**evidence),
            fix=None if fix is None else Fix(dict(fix["changes"]), bool(fix["keep_weights"])),
            because=str(stored.get("because", "")),
        )


class Missing(StrEnum):
    """Why a rule could not judge."""

    VALIDATION = "validation"
    """There is no validation yet, or none at all."""
    STEPS = "steps"
    """Too few steps have been trained."""
    SERIES = "series"
    """The run did not measure it (an older version, a monitor of another kind)."""
    PROBE = "probe"
    """The model was not looked at for it: its images or its checkpoint are not there."""
    FACTS = "facts"
    """The run's store lacks its facts of data or model."""
    UNREADABLE = "unreadable"
    """What the run wrote cannot be read, or is nothing that the rule can work with."""


class CannotJudge(Exception):
    """A rule's way out: what it needs is not there. `values` are for the words."""

    def __init__(self, missing: Missing, **values: Any) -> None:
        super().__init__(missing)
        self.missing, self.values = missing, values


@dataclass(frozen=True)
class Unjudged:
    """A rule that could not judge this run."""

    code: str
    missing: Missing
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Words:
    """A finding for a person to read."""

    title: str
    """What is wrong, with the measured value: at most a line."""
    cause: str
    """Why, most likely."""
    advice: str = ""
    """What to do; the fix itself is shown beside it as it is typed."""
