"""A prior: whose tokens it learns, its network, and how new tokens are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class ParentIs(StrEnum):
    """Where the shape of the tokens comes from."""

    RUN = "run"
    RECIPE = "recipe"
    """Named as the parent: what a run of it would give."""
    ASSUMED = "assumed"
    """There is no run to learn from yet."""


@dataclass(frozen=True)
class Parent:
    """The autoencoder whose tokens are learnt."""

    name: str
    known_as: ParentIs
    why: str = ""
    """Why a recipe stands in for the run that was meant; as the error gave it."""


@dataclass(frozen=True)
class Tokens:
    """One item."""

    frames: int
    levels: int
    width: int
    height: int
    codes: int
    classes: int
    loop: bool
    image_numbers: int
    """Numbers in one image of the parent, height x width x channels."""
    unit: str = "images"

    @property
    def positions(self) -> int:
        """Of an item, all frames."""
        return self.frames * self.width * self.height

    @property
    def count(self) -> int:
        """N, the tokens of an item."""
        return self.positions * self.levels


@dataclass(frozen=True)
class PriorNetwork:
    """A transformer over tokens."""

    kind: str
    width: int
    depth: int
    heads: int
    positions: int
    """That it sees at once."""
    parameters: int
    multiply_adds: int | None
    """One pass over what it sees at once; None where it was not counted."""
    passes: int | None
    """In how many passes an item of one level is drawn; None = token by token."""
    stages: tuple[tuple[str, int], ...] = ()
    """Parts of the network with their parameters."""
    settings: Mapping[str, Any] = field(default_factory=dict)
