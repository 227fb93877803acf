"""Asks that wait in the process of a model: in order, the newest of each key, none that was forgotten."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tilework.studio.models.lanes import LANES, Lane


@dataclass(frozen=True)
class Order:
    """One ask of a page, or of the studio itself (page 0)."""

    page: int
    ref: int
    key: str
    lane: Lane
    do: str
    """`ask`, `file` or `image`."""
    what: dict[str, Any] = field(repr=False)


class Waiting:
    """Filled by the thread that reads, emptied by one thread for each lane. `dropped` is told of what will not be done."""

    def __init__(self, dropped: Callable[[Order], None]) -> None:
        self._dropped = dropped
        self._orders: dict[Lane, dict[tuple[int, str], Order]] = {lane: {} for lane in LANES}
        self._changed = threading.Condition()

    def put(self, order: Order) -> None:
        """Queue an order; one of the same page and key that waits is dropped, and gives it its place."""
        with self._changed:
            before = self._remove(order.page, order.key, except_in=order.lane)
            older = self._orders[order.lane].get((order.page, order.key))
            self._orders[order.lane][order.page, order.key] = order
            self._changed.notify_all()
        for one in (before, older):
            if one is not None:
                self._dropped(one)

    def forget(self, page: int, key: str) -> None:
        """Nobody waits for this key any more."""
        with self._changed:
            found = self._remove(page, key)
        if found is not None:
            self._dropped(found)

    def leave(self, page: int) -> None:
        """A page is gone: nobody waits for anything of it."""
        with self._changed:
            for orders in self._orders.values():
                for place in [place for place in orders if place[0] == page]:
                    del orders[place]

    def wait(self, lane: Lane) -> None:
        """Wait until a lane has an order."""
        with self._changed:
            while not self._orders[lane]:
                self._changed.wait()

    def take(self, lane: Lane) -> Order:
        """The next order of a lane; waits for one."""
        orders = self._orders[lane]
        with self._changed:
            while not orders:
                self._changed.wait()
            return orders.pop(next(iter(orders)))

    def _remove(self, page: int, key: str, except_in: Lane | None = None) -> Order | None:
        lanes = (orders for lane, orders in self._orders.items() if lane != except_in)
        return next((orders.pop((page, key)) for orders in lanes if (page, key) in orders), None)
