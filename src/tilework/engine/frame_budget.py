"""What frames may cost: a share of the training time."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch


class FrameBudget:
    """When the next frame of a channel may be made."""

    def __init__(self, share: float, seconds: float) -> None:
        self.share, self.seconds = share, seconds
        self.next = 0.0
        self.cost = self.total = 0.0

    def spent(self, cost: float) -> None:
        """A frame was made that took so many seconds."""
        self.total += cost
        self.cost = cost if self.cost == 0 else 0.8 * self.cost + 0.2 * cost
        self.next = time.monotonic() + max(self.seconds, self.cost / self.share)


def clock_of(device: torch.device) -> Callable[[], float]:
    """The clock that a frame's cost is read from. On a CPU what counts is the time that this thread worked: while others have
    the core, training does not run either."""
    return time.thread_time if device.type == "cpu" else time.perf_counter
