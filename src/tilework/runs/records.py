"""Rows of the store's journal, as readers get them. Times are seconds since 1970."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Event:
    """Something that happened at a step: started, resumed, a checkpoint, a weight changed."""

    id: int
    time: float
    step: int
    kind: str
    payload: dict[str, Any] = field(default_factory=dict)
    rewound: bool = False
    """True when the run later went back to before this step and trained it again."""


FOUND, CHANGED, GONE = "found", "changed", "gone"
"""What a row of the table of findings has under `change`: the first of its code, the same with other values, no longer
there."""


@dataclass(frozen=True)
class Finding:
    """Something that is going wrong, with its evidence; or, where its `change` is `gone`, that it no longer does."""

    id: int
    time: float
    step: int
    code: str
    severity: str
    payload: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """A file of images or arrays stored while training; `file` is relative to the run folder."""

    id: int
    step: int
    epoch: float
    kind: str
    file: str
    payload: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Command:
    """A wish to the running training; `status` is pending, applied, refused, or undone (applied, then rewound)."""

    id: int
    time: float
    kind: str
    payload: dict[str, Any] = field(default_factory=dict)
    status: str = "pending"
    applied_step: int | None = None


def to_json(value: Any) -> str:
    """JSON text; NumPy numbers and arrays and paths become plain ones. NaN and infinities keep Python's spelling."""
    return json.dumps(value, default=_plain, separators=(",", ":"), ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # NumPy scalars and arrays (and tensors), without importing either
        return value.tolist()
    raise TypeError(
        f"{type(value).__name__} cannot be stored in a run's journal; give numbers, text, lists or mappings"
    )
