"""What happened in a run, as marks beside its curves: events and findings in words."""

from __future__ import annotations

import json
from typing import Any

from tilework.doctor import kept
from tilework.doctor.words import words_of
from tilework.protocol.run import Mark
from tilework.runs.frames import without_nan
from tilework.runs.guarding import NOT_RECOVERED, alarm_text, guard_text
from tilework.runs.preflight import Result
from tilework.runs.preflight.words import sentences
from tilework.runs.records import CHANGED, GONE
from tilework.runs.stop_reason import stop_text

MOST = 500
"""Marks that are sent at once: the newest."""

_WORDS = {
    "started": "training started",
    "resumed": "resumed",
    "codes-started": "codes placed among {points:,} encoder outputs",
    "finished": "finished: {why}",
    "stopped": "stopped: {why}",
    "paused": "paused",
    "running": "went on",
    "failed": "failed: {what}",
    "plateau": "{what} was cut (cut number {cuts}): no improvement for a while",
    "skipped-steps": "{in_row} steps in a row were skipped: their gradient was infinite or NaN",
    "ranks-compared": "codebooks of all processes differ by at most {largest_difference:g}",
    "store-made-anew": "the run's store was made anew: {why}",
    "set": "{name}: {before:.4g} -> {value:.4g}",
    "revived": "{codes:,} codes revived",
    "snapshot": "snapshot",
    "reset": "reset: {next} started",
    "refused": "refused: {message}",
    "doctor-failed": "the doctor could not judge: {problem}",
}


def of_event(number: int, time: float, step: int, kind: str, payload: str) -> Mark:
    """A row of the table of events as a mark."""
    values = payload_of(payload)
    mark: Mark = {"id": 2 * number, "step": step, "time": time, "kind": kind, "text": _in_words(kind, values)}
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
        values.get("what") or values.get("text") or values.get("message") or _finding(code, values) or _details(values)
    )
    return {**mark, "text": f"{code} ({severity}): {text}"}


def _in_words(kind: str, payload: dict[str, Any]) -> str:
    try:
        if kind == "revived" and payload.get("codes") == 1:
            return "1 code revived"
        if kind == "set" and payload["before"] == payload["value"]:
            return f"{payload['name']}: held at {payload['value']:.4g}"
        if kind == "preflight-warning":
            return f"preflight: {sentences(Result.read(payload)).what}"
        if guarded := guard_text(kind, payload):
            return guarded
        return _WORDS[kind].format(**{"why": stop_text(payload), **payload})
    except (KeyError, ValueError, TypeError, AttributeError, IndexError):
        return " ".join([kind.replace("-", " "), _details(payload)]).strip()[:500]


def _finding(code: str, payload: dict[str, Any]) -> str:
    """The guard's own finding in words."""
    try:
        return alarm_text(payload) if code == NOT_RECOVERED else ""
    except (KeyError, ValueError, TypeError):
        return ""


def _details(payload: dict[str, Any]) -> str:
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in payload.items())[:500]


def payload_of(payload: str) -> dict[str, Any]:
    """A payload as it was stored; one that another program spoiled counts as empty."""
    try:
        found = without_nan(json.loads(payload))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
