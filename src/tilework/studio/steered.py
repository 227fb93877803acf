"""What of a run was set by hand while it trained: its spec holds only how it started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tilework.errors import TileworkError
from tilework.runs.folder import RunFolder
from tilework.runs.store import RunStore

_MOST_PAST = 4
"""Earlier values that are listed; of more the first and the newest are."""


@dataclass(frozen=True)
class Steered:
    """A setting that was turned: every value that steps were taken with, also where it was put back in the end."""

    changes: tuple[tuple[int, float], ...]
    """Each value with the first step that was taken with it, in order."""

    @property
    def value(self) -> float:
        """As it stood in the end."""
        return self.changes[-1][1]

    @property
    def words(self) -> str:
        """As a comparison of runs shows it."""
        ends = [f"to {step - 1:,}" for step, _ in self.changes[1:]]
        past = [
            f"{value:.4g} from step {step:,} {end}" for (step, value), end in zip(self.changes[:-1], ends, strict=True)
        ]
        if len(past) > _MOST_PAST:
            past[1 : 1 - _MOST_PAST] = [f"{len(past) - _MOST_PAST:,} more values"]
        step, value = self.changes[-1]
        return ", ".join([*past, f"{value:.4g} since step {step:,}"])


def steered(folder: RunFolder) -> dict[str, Steered]:
    """By path in the spec; {} where nothing was turned or the store cannot be read. What a rewind undid does not count."""
    if not folder.db.is_file():
        return {}
    try:
        with RunStore.open(folder.db) as store:
            events = [e for e in store.events() if e.kind == "set" and not e.rewound]
    except TileworkError:
        return {}
    turned: dict[str, dict[int, float]] = {}
    for event in events:
        name, value = event.payload.get("name"), event.payload.get("value")
        if isinstance(name, str) and isinstance(value, (int, float)):
            # Noted after `event.step` steps. Of several values between two steps, as a slider sends them, the last was used.
            turned.setdefault(_path(name), {})[event.step + 1] = float(value)
    return {path: Steered(_without_repeats(values)) for path, values in turned.items()}


def _without_repeats(values: Mapping[int, float]) -> tuple[tuple[int, float], ...]:
    found: list[tuple[int, float]] = []
    for step, value in sorted(values.items()):
        if not found or found[-1][1] != value:
            found.append((step, value))
    return tuple(found)


def as_overrides(found: dict[str, Steered]) -> dict[str, str]:
    """What a new run needs to begin where that one ended."""
    # A threshold of 0 is how revival is turned off by hand; in a spec that is no revival at all.
    off = {path for path, one in found.items() if path == "bottleneck.revival.threshold" and one.value == 0}
    kept = {path: f"{one.value:.8g}" for path, one in found.items() if path not in off}
    return kept | ({"bottleneck.revival": "null"} if off else {})


def _path(name: str) -> str:
    section, _, rest = name.partition(".")
    return f"{name}.weight" if section == "objective" and "." not in rest else name
