"""How much of the held-out images training gives away, in words: for whoever shows validation metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FACT = "leak_counts"
"""Name of the counts among a run's facts: how many of the `examined` held-out images are `identical` to a training image, have
`near_twins` there, or `neighbours` in time; and what the split went `by`."""
_ALIKE = 0.2
"""Of the held-out images, those with a near twin in training that independent images of one kind may have: 12 % of the digits."""


def leak_note(facts: Mapping[str, Any]) -> str:
    """One sentence where validation metrics look better than they are; "" where they can be taken at their word, and of runs
    that have not counted it."""
    counts = facts.get(FACT)
    if not isinstance(counts, Mapping) or not (examined := int(counts.get("examined") or 0)):
        return ""
    near = 0.0 if counts.get("by") == "group" else int(counts.get("neighbours") or 0) / examined
    alike = max(int(counts.get(name) or 0) for name in ("near_twins", "identical")) / examined
    if not near and alike <= _ALIKE:
        return ""
    found = [f"{near:.0%} are within 2 frames of a training image"] if near else []
    if alike or not found:
        found.append(f"{alike:.0%} closely resemble a training image")
    return f"validation metrics are a little too good: of {examined:,} held-out images, {' and '.join(found)}"
