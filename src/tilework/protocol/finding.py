"""What the doctor reports of a run: findings with their evidence and fix, and what could not be judged."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypedDict

Severity = Literal["info", "warning", "error"]
Measured = float | None
"""NaN and infinity travel as null."""


class FixEntry(TypedDict):
    """One change of the spec."""

    changes: Annotated[Mapping[str, Any], "setting by its path, and its new value"]
    overrides: Annotated[Sequence[str], "the same as they are typed after a spec's name"]
    keep_weights: Annotated[bool, "whether the new run starts with the weights of this one; else it starts anew"]
    command: Annotated[str, "the line that trains a new run with it"]


class EvidenceEntry(TypedDict):
    """What can be looked at."""

    series: Annotated[Sequence[str], "of the run, by their names"]
    split: Annotated[str, "of the series: `train` or `val`"]
    steps: Annotated[Sequence[int] | None, "[first, last] that matter; null = all"]
    image: Annotated[str, "a file relative to the run's folder; empty = none"]


class FindingEntry(TypedDict):
    """One thing that is wrong, or worth knowing, with a run."""

    code: Annotated[str, "stable name of the rule: `codebook-collapse`"]
    severity: Annotated[Severity, "`error`: what comes out is not worth keeping; `warning`: worse than it need be"]
    step: Annotated[int, "from which on it holds"]
    measured: Annotated[Measured, "the value that was judged"]
    threshold: Annotated[Measured, "what it was held against"]
    values: Annotated[Mapping[str, Any], "what else its words are made of"]
    evidence: Annotated[EvidenceEntry, "what can be looked at"]
    fix: Annotated[FixEntry | None, "null where the doctor knows none"]
    because: Annotated[str, "code of the finding that this one follows from; empty = a cause of its own"]
    title: Annotated[str, "what is wrong, in words"]
    cause: Annotated[str, "why, most likely"]
    advice: Annotated[str, "what to do beside the fix; may be empty"]


class UnjudgedEntry(TypedDict):
    """A rule that could not judge the run."""

    code: Annotated[str, "of the rule"]
    missing: Annotated[str, "what it lacks: `validation`, `steps`, `series`, `probe`, `facts`, `unreadable`"]
    text: Annotated[str, "the same in words"]


class FindingsResponse(TypedDict):
    """What the doctor reports of a run; `tilework doctor --json` prints the same."""

    id: Annotated[str, "of the run"]
    step: Annotated[int, "where it stands"]
    findings: Annotated[Sequence[FindingEntry], "causes first, the worst of them first; then what follows from them"]
    unjudged: Annotated[Sequence[UnjudgedEntry], "rules that could not judge"]
