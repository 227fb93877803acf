"""What a run's store keeps of its findings: when each was found, how it changed, and since when it holds no longer.

Rows are only ever added, so that a resume that goes back takes away what was found since, and what stood before stands again.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from tilework.doctor.diagnosis import ordered
from tilework.doctor.finding import Finding
from tilework.runs.records import Finding as Row
from tilework.runs.records import to_json
from tilework.runs.store import RunStore

KEPT = "finding"
"""Of a row's or an event's payload: the finding as plain data."""
MOVED = 0.1
"""Share by which a measured value must have moved for another row."""


def read(payload: Mapping[str, Any]) -> Finding | None:
    """The finding in the payload of a row or an event; None where it is of something else."""
    try:
        found = Finding.read(payload[KEPT])
        measured, threshold = _number(found.measured), _number(found.threshold)
        return replace(found, step=int(found.step), code=str(found.code), measured=measured, threshold=threshold)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def findings_in(rows: Iterable[Row]) -> list[Finding]:
    """The findings of rows that stand, causes first; what is not the doctor's is left out."""
    found = [finding for row in rows if (finding := read(row.payload)) is not None]
    return ordered(found) if found else []


def keep(store: RunStore, step: int, change: str, finding: Finding) -> None:
    """Write down what was found at `step`."""
    store.finding(finding.code, finding.severity.value, step, change=change, **{KEPT: finding.as_dict()})


def differs(before: Finding, now: Finding) -> bool:
    """Whether a finding that still holds is to be written down anew."""
    same = to_json([before.severity, before.because, before.fix and vars(before.fix)]) == to_json(
        [now.severity, now.because, now.fix and vars(now.fix)]
    )
    moved = abs(now.measured - before.measured) > MOVED * max(abs(before.measured), 1e-12)
    return not same or moved
