"""What happens in a run, in words: each kind of event once, for the terminal, the page and the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tilework.runs.guarding import guard_text
from tilework.runs.preflight import Result
from tilework.runs.preflight.words import sentences
from tilework.runs.stop_reason import stop_text

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
    "finding-gone": "{code} does not hold any more",
    "doctor-failed": "the doctor could not judge: {problem}",
}
"""A kind that is not here is shown by its name and what it carries. `{why}` is the reason of an end."""


def event_text(kind: str, payload: Mapping[str, Any]) -> str:
    """An event in words; one that has none, or whose payload another program spoiled, by its name and what it carries."""
    try:
        if kind == "revived" and payload.get("codes") == 1:
            return "1 code revived"
        if kind == "set" and payload["before"] == payload["value"]:
            return f"{payload['name']}: held at {payload['value']:.4g}"
        if kind == "preflight-warning":
            return f"preflight: {sentences(Result.read(payload)).what}"
        return guard_text(kind, payload) or _WORDS[kind].format(**{"why": stop_text(payload), **payload})
    except (KeyError, ValueError, TypeError, AttributeError, IndexError):
        return " ".join([kind.replace("-", " "), details(payload)]).strip()[:500]


def details(payload: Mapping[str, Any]) -> str:
    """What an event carries: `key value, key value`."""
    return ", ".join(
        f"{key.replace('_', ' ')} {value:,.5g}" if isinstance(value, float) else f"{key.replace('_', ' ')} {value}"
        for key, value in payload.items()
    )[:500]
