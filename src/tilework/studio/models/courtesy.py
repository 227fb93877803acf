"""What takes seconds gives way to what follows a hand: both share one core and one interpreter."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

REST_SECONDS = 0.1
"""So long after the last answer a hand has come to rest; one that moves asks every 20 to 40 ms."""
MOST_SECONDS = 1.0
"""Slow work goes on a step at least as often, however long the hand moves."""


class Courtesy:
    """The slow lane asks it between two pieces of its work; in every other thread `give_way` returns at once."""

    def __init__(self, rest: float = REST_SECONDS, most: float = MOST_SECONDS) -> None:
        self._rest, self._most = rest, most
        self._under_way = 0
        self._ended = float("-inf")
        self._changed = threading.Condition()
        self._slow = threading.local()

    def be_slow(self) -> None:
        """From now on this thread gives way."""
        self._slow.is_so = True

    @contextmanager
    def quick(self) -> Iterator[None]:
        """Something that a hand waits for is under way."""
        with self._changed:
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._ended = time.monotonic()
                self._changed.notify_all()

    def give_way(self) -> None:
        """Wait in a slow thread until the hand rests, a second at most."""
        if not getattr(self._slow, "is_so", False):
            return
        latest = time.monotonic() + self._most
        with self._changed:
            while (now := time.monotonic()) < latest:
                rested = self._ended + self._rest
                if not self._under_way and now >= rested:
                    return
                self._changed.wait(min(latest, latest if self._under_way else rested) - now)
