"""Numbers and settings as they are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tilework.runs.preflight.result import Result


def overrides(changes: Mapping[str, Any]) -> str:
    """Changes of a spec as they are typed."""
    return " ".join(f"{path}={_one(value)}" for path, value in changes.items())


def duration(seconds: float) -> str:
    """40 ms, 20 s, 3 min, 2 h 10 min, 3 days."""
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 10:
        return f"{seconds:.2g} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes / 60 / 24:.1f} days"


def size(count: float) -> str:
    """Bytes as they are read: 3.4 MB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def _one(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def number(result: Result, name: str) -> float:
    """A measured value; NaN where there is none."""
    return float(result.values.get(name, float("nan")))


def short(result: Result, name: str) -> str:
    """A measured value with three digits; a count with all."""
    value = number(result, name)
    return f"{value:,.0f}" if value.is_integer() and abs(value) < 1e9 else f"{value:.3g}"


def moves(result: Result, name: str) -> str:
    """What a loss does that fell by this much: `falls by 0.01` or `rises by 0.01`."""
    fall = number(result, name)
    return f"rises by {-fall:.3g}" if fall < 0 else f"falls by {fall:.3g}"


def named(result: Result) -> str:
    """What of the spec the result is about."""
    return ", ".join(result.about)


def setting(result: Result) -> str:
    """What to set, or nothing where that is not known."""
    return f"set {overrides(result.changes)}" if result.changes else ""
