"""Running means of training figures, kept on the device and read only when a row is logged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

# Counted, not measured: a row says how many since the row before.
_TOTALS = frozenset({"revived"})


class Tally:
    """Sums named scalars over steps; one host read per logged row.

    The set of names may change in the middle (a term switched on): each name is averaged over the steps that had it.
    """

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._sums: Tensor | None = None
        self._steps = 0
        self._closed: dict[str, tuple[float, int]] = {}

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Take one step's scalars."""
        names = tuple(values)
        if names != self._names:
            self._close()
            self._names = names
        row = torch.stack([v.detach() for v in values.values()])
        self._sums = row if self._sums is None else self._sums + row
        self._steps += 1

    def take(self) -> dict[str, float]:
        """Means (of events the total) since the last call (over all processes), and start anew."""
        if self._sums is not None and dist.is_available() and dist.is_initialized():
            dist.all_reduce(self._sums)
            self._sums /= dist.get_world_size()
        self._close()
        means = {
            name: total / (1 if name.split(".")[0] in _TOTALS else steps)
            for name, (total, steps) in self._closed.items()
        }
        self._closed = {}
        return means

    def _close(self) -> None:
        if self._sums is None:
            return
        for name, total in zip(self._names, self._sums.tolist(), strict=True):
            before, steps = self._closed.get(name, (0.0, 0))
            self._closed[name] = (before + total, steps + self._steps)
        self._sums, self._steps = None, 0

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps, so that a row which spans a resume equals the uninterrupted one."""
        return {
            "names": list(self._names),
            "sums": self._sums,
            "steps": self._steps,
            "closed": {k: list(v) for k, v in self._closed.items()},
        }

    def restore(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Go on from a checkpoint."""
        self._names = tuple(state["names"])
        self._sums = None if state["sums"] is None else state["sums"].to(device)
        self._steps = int(state["steps"])
        self._closed = {k: (float(v[0]), int(v[1])) for k, v in state["closed"].items()}
