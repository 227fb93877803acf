"""In what two runs differ: their specs, setting by setting, and what was set by hand while they trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tilework.protocol.http import Difference
from tilework.runs.folder import RunFolder
from tilework.studio.details import spec_of
from tilework.studio.steered import steered

_TALK = {"about", "note"}
"""What a recipe notes about itself sets nothing."""


def differences(a: RunFolder, b: RunFolder) -> list[Difference]:
    """Setting by setting; null where one of the two does not have the setting."""
    first, second = _settings(a), _settings(b)
    return [
        {"field": field, "a": first.get(field), "b": second.get(field)}
        for field in dict.fromkeys((*first, *second))
        if field not in _TALK and first.get(field) != second.get(field)
    ]


def _settings(run: RunFolder) -> dict[str, Any]:
    by_hand = {f"{path} (steered)": one.words for path, one in steered(run).items()}
    return {**dict(_flat(spec_of(run))), **by_hand}


def _flat(section: Mapping[Any, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in section.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value
