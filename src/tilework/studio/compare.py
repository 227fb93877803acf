"""In what two runs differ: their specs, setting by setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tilework.runs.folder import RunFolder
from tilework.studio.details import spec_of

_TALK = {"about", "note"}
"""What a recipe says about itself sets nothing."""


def differences(a: RunFolder, b: RunFolder) -> list[dict[str, Any]]:
    """[{field, a, b}]; null where one of the two does not have the setting."""
    first, second = dict(_flat(spec_of(a))), dict(_flat(spec_of(b)))
    return [
        {"field": field, "a": first.get(field), "b": second.get(field)}
        for field in dict.fromkeys((*first, *second))
        if field not in _TALK and first.get(field) != second.get(field)
    ]


def _flat(section: Mapping[Any, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in section.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value
