"""A proposed spec: what was seen, what was chosen, and why, as codes with values. The words for them are in words.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tilework.spec import Size
from tilework.suggest.facts import Facts

Value = float | str


@dataclass(frozen=True)
class Choices:
    """What the proposal decides."""

    size: Size
    channels: int
    stride: int
    """Pixels of an image to a token, along each side."""
    codes: int
    batch: int
    steps: int
    drawn: int | None = None
    """Frames that are drawn at random of clips; None = all."""

    @property
    def grid(self) -> Size:
        """Tokens of an image."""
        return Size(self.size.width // self.stride, self.size.height // self.stride)


@dataclass(frozen=True)
class Reason:
    """Why one thing was chosen."""

    about: str
    """Which line it belongs to: size, tokens, training, data."""
    code: str
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Proposal:
    """A spec with its reasons."""

    name: str
    facts: Facts
    choices: Choices
    reasons: tuple[Reason, ...]
    spec: Mapping[str, Any]
    """As it is written: what differs from the defaults."""
