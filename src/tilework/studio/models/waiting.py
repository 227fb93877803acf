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
    """Filled by the thread that reads, emptied by one thread for each lane. `dropped` gets what will not be done."""

    def __init__(self, dropped: Callable[[Order], None]) -> None:
        self._dropped = dropped
        self._orders: dict[Lane, dict[tuple[int, str], Order]] = {lane: {} for lane in LANES}
        self._under_way: dict[Lane, Order] = {}
        self._unwanted: set[tuple[int, int]] = set()
        self._changed = threading.Condition()

    def put(self, order: Order) -> None:
        """Queue an order; one of the same page and key that waits is dropped, and gives it its place."""
        with self._changed:
            self._stop(order.page, order.key)
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
            self._stop(page, key)
            found = self._remove(page, key)
        if found is not None:
            self._dropped(found)

    def leave(self, page: int) -> None:
        """A page is gone: nobody waits for anything of it."""
        with self._changed:
            self._stop(page)
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
            self.wait(lane)
            self._under_way[lane] = orders.pop(next(iter(orders)))
            return self._under_way[lane]

    def wanted(self, order: Order) -> bool:
        """Whether somebody still waits for an order that was taken."""
        with self._changed:
            return (order.page, order.ref) not in self._unwanted

    def done(self, order: Order) -> None:
        """An order that was taken is done, or given up."""
        with self._changed:
            self._under_way.pop(order.lane, None)
            self._unwanted.discard((order.page, order.ref))

    def _stop(self, page: int, key: str | None = None) -> None:
        """Nobody waits for what is under way for a page, of one key or of all."""
        for order in self._under_way.values():
            if order.page == page and key in {None, order.key}:
                self._unwanted.add((order.page, order.ref))

    def _remove(self, page: int, key: str, except_in: Lane | None = None) -> Order | None:
        lanes = (orders for lane, orders in self._orders.items() if lane != except_in)
        return next((orders.pop((page, key)) for orders in lanes if (page, key) in orders), None)
