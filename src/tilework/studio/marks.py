"""What happened in a run, as marks beside its curves: events and findings in words."""

from __future__ import annotations

import json
from typing import Any

from tilework.protocol.run import Mark
from tilework.runs.frames import without_nan
from tilework.runs.stop_reason import stop_text

MOST = 500
"""Marks that are sent at once: the newest."""

_WORDS = {
    "started": "training began",
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
    "reset": "reset: {next} began",
    "refused": "refused: {message}",
}


def of_event(number: int, time: float, step: int, kind: str, payload: str) -> Mark:
    """A row of the table of events as a mark."""
    return {"id": 2 * number, "step": step, "time": time, "kind": kind, "text": _in_words(kind, _read(payload))}


def of_finding(number: int, time: float, step: int, code: str, severity: str, payload: str) -> Mark:
    """A row of the table of findings as a mark."""
    said = _read(payload)
    text = said.get("what") or said.get("text") or said.get("message") or _details(said)
    return {"id": 2 * number + 1, "step": step, "time": time, "kind": "finding", "text": f"{code} ({severity}): {text}"}


def _in_words(kind: str, payload: dict[str, Any]) -> str:
    try:
        if kind == "revived" and payload.get("codes") == 1:
            return "1 code revived"
        return _WORDS[kind].format(**{"why": stop_text(payload), **payload})
    except (KeyError, ValueError, TypeError, AttributeError, IndexError):
        return " ".join([kind.replace("-", " "), _details(payload)]).strip()[:500]


def _details(payload: dict[str, Any]) -> str:
    return ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in payload.items())[:500]


def _read(payload: str) -> dict[str, Any]:
    """A payload as it was stored; one that another program spoiled counts as empty."""
    try:
        found = without_nan(json.loads(payload))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
