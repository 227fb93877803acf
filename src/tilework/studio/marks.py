"""What happened in a run, as marks beside its curves: events and findings in words."""

from __future__ import annotations

import json
from typing import Any

from tilework.doctor import kept
from tilework.doctor.words import words_of
from tilework.protocol.run import Mark
from tilework.runs.events import details, event_text
from tilework.runs.frames import without_nan
from tilework.runs.guarding import NOT_RECOVERED, alarm_text
from tilework.runs.records import CHANGED, GONE

MOST = 500
"""Marks that are sent at once: the newest."""


def of_event(number: int, time: float, step: int, kind: str, payload: str) -> Mark:
    """A row of the table of events as a mark."""
    values = payload_of(payload)
    mark: Mark = {"id": 2 * number, "step": step, "time": time, "kind": kind, "text": event_text(kind, values)}
    name, before, value = values.get("name"), values.get("before"), values.get("value")
    if kind == "set" and isinstance(name, str) and isinstance(before, int | float) and isinstance(value, int | float):
        mark["change"] = {"name": name, "before": before, "value": value}
    return mark


def of_finding(number: int, time: float, step: int, code: str, severity: str, payload: str) -> Mark | None:
    """A row of the table of findings as a mark; None where a finding that is marked already has only changed."""
    values = payload_of(payload)
    change, found = values.get("change"), kept.read(values)
    if change == CHANGED:
        return None
    mark: Mark = {"id": 2 * number + 1, "step": step, "time": time, "kind": "finding", "text": ""}
    if found is not None and change == GONE:
        return {**mark, "kind": "finding-gone", "text": f"{code} does not hold any more", "code": code}
    if found is not None:
        # The mark stands where it was found; what is wrong may have begun before.
        since = f" (found here, holds since step {found.step:,})" if found.step < step else ""
        text = f"{severity}: {words_of(found).title}{since}"
        return {**mark, "text": text, "code": code, "severity": found.severity.value}
    text = (
        values.get("what") or values.get("text") or values.get("message") or _finding(code, values) or details(values)
    )
    return {**mark, "text": f"{code} ({severity}): {text}"}


def _finding(code: str, payload: dict[str, Any]) -> str:
    """The guard's own finding in words."""
    try:
        return alarm_text(payload) if code == NOT_RECOVERED else ""
    except (KeyError, ValueError, TypeError):
        return ""


def payload_of(payload: str) -> dict[str, Any]:
    """A payload as it was stored; one that another program spoiled counts as empty."""
    try:
        found = without_nan(json.loads(payload))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
