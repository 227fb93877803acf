"""pydantic's validation errors in the words of the spec: which field, what is wrong, the nearest known key."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


def problems(error: ValidationError, known: Iterable[str], section: str = "") -> Iterator[str]:
    """One line per wrong field. `known` are the keys to compare an unknown one with; `section` prefixes each field."""
    known = sorted(known)
    for one in error.errors():
        parts = [section] if section else []
        parts += [str(p) for p in one["loc"]]
        field = ".".join(parts) or "spec"
        message = one["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
        if one["type"] == "extra_forbidden":
            close = difflib.get_close_matches(str(one["loc"][-1]), known, n=1)
            yield f"unknown key {field}" + (f" (did you mean {close[0]}?)" if close else "")
        elif one["type"] == "missing":
            yield f"{field} is missing"
        else:
            value = one.get("input")
            shown = isinstance(value, (str, int, float, bool)) and repr(value) not in message
            yield f"{field}: {message[:1].lower()}{message[1:]}" + (f", not {value!r}" if shown else "")
