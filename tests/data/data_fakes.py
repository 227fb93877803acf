"""A source whose images a test writes down."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from pydantic import PrivateAttr

from tilework.data import Item, SourceConfig
from tilework.spec import Size

SMALL = Size(6, 4)


class Listed(SourceConfig):
    """Gives the items it was made with; `made` counts how often they were asked for."""

    kind: Literal["listed"] = "listed"
    mark: str = ""

    _items: list[Item] = PrivateAttr(default_factory=list)
    _fail_after: int | None = PrivateAttr(default=None)
    _made: list[int] = PrivateAttr(default_factory=list)

    def fingerprint(self) -> str:
        return self.settings_text()

    def items(self) -> Iterator[Item]:
        self._made.append(1)
        for number, item in enumerate(self._items):
            if number == self._fail_after:
                raise RuntimeError("the source broke in the middle")
            yield item

    @property
    def made(self) -> int:
        return len(self._made)


def listed(items: list[Item], *, size: Size = SMALL, channels: int = 3, **more: Any) -> Listed:
    source = Listed(size=size, channels=channels, **more)
    source._items = items
    return source


def noise_items(count: int, *, size: Size = SMALL, channels: int = 3, seed: int = 0, **more: Any) -> list[Item]:
    """`count` images of noise, each its own group unless `group` is given."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, size=(count, size.height, size.width, channels), dtype=np.uint8)
    return [Item(pixels=p, frame=n, **{"group": str(n), **more}) for n, p in enumerate(pixels)]
