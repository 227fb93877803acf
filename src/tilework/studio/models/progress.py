"""What an ask that takes long reports while it is computed, and how it learns that nobody waits for it any more.

Each thread computes one ask at a time; what is computed finds its own by `here`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

REST_SECONDS = 0.06
"""So long nothing is reported after something was: about what an eye follows."""

Report = Callable[[Mapping[str, Any], "Mapping[str, NDArray[Any]]"], None]


class Unwanted(Exception):
    """Nobody waits for what is being computed."""


@dataclass
class AskProgress:
    """Of one ask: `wanted` returns whether somebody waits for it, `sink` takes facts and arrays of what is there so
    far."""

    wanted: Callable[[], bool] = lambda: True
    sink: Report | None = None
    _last: float = field(default=float("-inf"))

    def heed(self) -> None:
        """Raise Unwanted where nobody waits any more."""
        if not self.wanted():
            raise Unwanted

    @property
    def due(self) -> bool:
        """Whether it is time to report something."""
        return self.sink is not None and time.monotonic() - self._last >= REST_SECONDS

    def report(self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        """Report what is there so far."""
        if self.sink is not None:
            self.sink(facts, arrays)
            self._last = time.monotonic()


_threads = threading.local()
_NOBODY = AskProgress()


def here() -> AskProgress:
    """That of the ask which this thread computes; outside of one, nothing is reported and everything is wanted."""
    found: AskProgress = getattr(_threads, "progress", _NOBODY)
    return found


@contextmanager
def of_ask(progress: AskProgress) -> Iterator[None]:
    """This thread computes an ask."""
    _threads.progress = progress
    try:
        yield
    finally:
        _threads.progress = _NOBODY
