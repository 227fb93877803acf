"""Running means of training metrics, kept on the device and read only when a row is logged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from tilework.metrics import AUTOENCODER, Metrics, Reduction, peak_of


class Tally:
    """Reduces named scalars over steps as the table of metrics defines; one host read per logged row.

    The set of names may change in the middle (a term switched on): each name is reduced over the steps that had it.
    """

    def __init__(self, metrics: Metrics = AUTOENCODER) -> None:
        self.metrics = metrics
        self._names: tuple[str, ...] = ()
        self._sums: Tensor | None = None
        self._last: Tensor | None = None
        """(n,) bool: which of the names keep their newest value; None where none does."""
        self._peaks: Tensor | None = None
        """(n,) the largest value of each name, whether it is asked for or not: one small operation."""
        self._steps = 0
        self._closed: dict[str, tuple[float, int]] = {}
        self._closed_peaks: dict[str, float] = {}

    def add(self, values: Mapping[str, Tensor]) -> Tensor:
        """Take one step's scalars; returns them as one tensor, in their order."""
        names = tuple(values)
        if names != self._names:
            self._close()
            self._names = names
        row = torch.stack([v.detach() for v in values.values()])
        if self._sums is None:
            self._sums, self._last = row, self._kept_newest(row.device)
            self._peaks = row
        else:
            assert self._peaks is not None
            self._peaks = torch.maximum(self._peaks, row)
            summed = self._sums + row
            self._sums = summed if self._last is None else torch.where(self._last, row, summed)
        self._steps += 1
        return row

    def take(self) -> dict[str, float]:
        """Mean, total, newest and largest value of each metric since the last call (over all processes), and start anew."""
        if self._sums is not None and dist.is_available() and dist.is_initialized():
            self._sums = self._sums.clone()  # of one step it is the row that was returned
            dist.all_reduce(self._sums)
            self._sums /= dist.get_world_size()
            if self._peaks is not None:
                self._peaks = self._peaks.clone()
                dist.all_reduce(self._peaks, dist.ReduceOp.MAX)
        self._close()
        reduced = {
            name: total / steps if self._reduction(name) is Reduction.MEAN else total
            for name, (total, steps) in self._closed.items()
        }
        reduced |= {peak_of(name): value for name, value in self._closed_peaks.items() if name in reduced}
        self._closed, self._closed_peaks = {}, {}
        return reduced

    def _reduction(self, name: str) -> Reduction:
        return self.metrics[name].reduction

    def _kept_newest(self, device: torch.device) -> Tensor | None:
        newest = [self._reduction(name) is Reduction.LAST for name in self._names]
        return torch.tensor(newest, device=device) if any(newest) else None

    def _close(self) -> None:
        if self._sums is None:
            return
        for name, total in zip(self._names, self._sums.tolist(), strict=True):
            before, steps = self._closed.get(name, (0.0, 0))
            if self._reduction(name) is Reduction.LAST:
                before = 0.0
            self._closed[name] = (before + total, steps + self._steps)
        if self._peaks is not None:
            for name, peak in zip(self._names, self._peaks.tolist(), strict=True):
                if peak_of(name) in self.metrics:
                    self._closed_peaks[name] = _larger(self._closed_peaks.get(name), peak)
        self._sums, self._peaks, self._steps = None, None, 0

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps, so that a row which spans a resume equals the uninterrupted one."""
        return {
            "names": list(self._names),
            "sums": self._sums,
            "steps": self._steps,
            "closed": {k: list(v) for k, v in self._closed.items()},
            "peaks": self._peaks,
            "closed_peaks": dict(self._closed_peaks),
        }

    def restore(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Go on from a checkpoint."""
        self._names = tuple(state["names"])
        self._sums = None if state["sums"] is None else state["sums"].to(device)
        self._last = self._kept_newest(device)
        self._steps = int(state["steps"])
        self._closed = {k: (float(v[0]), int(v[1])) for k, v in state["closed"].items()}
        # Checkpoints of before know none: the row's peak is then that of the steps since.
        peaks = state.get("peaks")
        self._peaks = peaks.to(device) if peaks is not None else self._sums
        self._closed_peaks = {k: float(v) for k, v in state.get("closed_peaks", {}).items()}


def _larger(before: float | None, now: float) -> float:
    """The larger one; not a number where one is not, as `torch.maximum` has it."""
    return now if before is None or now != now or now > before else before
