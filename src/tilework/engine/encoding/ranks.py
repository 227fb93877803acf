"""What several processes that encode together settle; `engine.compute.Compute` is one such, and one process alone another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


class Ranks(Protocol):
    """One process among several that run the same program."""

    @property
    def rank(self) -> int: ...
    @property
    def world(self) -> int: ...
    @property
    def main(self) -> bool: ...

    def gathered(self, own: Any) -> list[Any]:
        """Every process's `own`, in order of rank. Collective."""

    def shared(self, value: Any) -> Any:
        """The main process's `value`. Collective."""


@dataclass(frozen=True)
class Alone:
    """One process by itself."""

    rank: int = 0
    world: int = 1
    main: bool = True

    def gathered(self, own: Any) -> list[Any]:
        """Its own."""
        return [own]

    def shared(self, value: Any) -> Any:
        """The value."""
        return value
