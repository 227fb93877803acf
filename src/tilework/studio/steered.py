"""What of a run was set by hand while it trained: its spec says only how it began."""

from __future__ import annotations

from dataclasses import dataclass

from tilework.errors import TileworkError
from tilework.runs.folder import RunFolder
from tilework.runs.store import RunStore


@dataclass(frozen=True)
class Steered:
    """A setting that was turned, as it stood in the end."""

    value: float
    step: int
    """The first step that was taken with it."""

    @property
    def words(self) -> str:
        """As a comparison of runs shows it."""
        return f"{self.value:.4g} since step {self.step:,}"


def steered(folder: RunFolder) -> dict[str, Steered]:
    """By path in the spec; {} where nothing was turned or the store cannot be read. What a rewind undid does not count."""
    if not folder.db.is_file():
        return {}
    try:
        with RunStore.open(folder.db) as store:
            events = [e for e in store.events() if e.kind == "set" and not e.rewound]
    except TileworkError:
        return {}
    found = {}
    for event in events:
        name, value = event.payload.get("name"), event.payload.get("value")
        if isinstance(name, str) and isinstance(value, (int, float)):
            found[_path(name)] = Steered(float(value), event.step + 1)  # noted after `event.step` steps
    return found


def as_overrides(found: dict[str, Steered]) -> dict[str, str]:
    """What a new run needs to begin where that one ended."""
    # A threshold of 0 is how revival is turned off by hand; in a spec that is no revival at all.
    off = {path for path, one in found.items() if path == "bottleneck.revival.threshold" and one.value == 0}
    kept = {path: f"{one.value:.8g}" for path, one in found.items() if path not in off}
    return kept | ({"bottleneck.revival": "null"} if off else {})


def _path(name: str) -> str:
    section, _, rest = name.partition(".")
    return f"{name}.weight" if section == "objective" and "." not in rest else name
