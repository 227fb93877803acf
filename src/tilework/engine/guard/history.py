"""What the newest steps measured. It stays on the device until it is read, a few steps at a time."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

from tilework.engine.step import MOST_FAR

LENGTH = 160
"""Steps that are remembered."""
JUMP = "expects-jump"
"""No loss term has this name."""


@dataclass(frozen=True)
class Entry:
    """One step: what it measured by name (`loss`, `grad_norm`, the loss terms, ...) and its learning rate."""

    step: int
    lr: float
    values: Mapping[str, float]
    far: bool = False
    """Whether the step was refused for the size of its gradient."""

    @property
    def refused(self) -> bool:
        """Whether the step was refused: for that, or as the gradient of a loss that is not finite is NaN."""
        return self.far or not math.isfinite(self.values["grad_norm"])

    @property
    def culprits(self) -> tuple[str, ...]:
        """What else than the gradient was not finite; the total where no term of it was."""
        bad = [name for name, value in self.values.items() if not math.isfinite(value) and name != "grad_norm"]
        return tuple(name for name in bad if name != "loss") or tuple(bad)


@dataclass(frozen=True)
class _Unread:
    step: int
    lr: float
    names: tuple[str, ...]
    row: Tensor
    limit: float = math.inf


class History:
    """Steps that were not refused, oldest first, and those that nobody has read yet."""

    def __init__(
        self, keep: Sequence[str], jumps: Callable[[Mapping[str, float]], bool] = lambda values: False
    ) -> None:
        self.jumps = jumps
        """Whether the loss may jump after a step with these values; remembered as JUMP."""
        self.keep = frozenset(keep)
        """Names of values that are remembered; of a step that was just read, all are there."""
        self.entries: deque[Entry] = deque(maxlen=LENGTH)
        self.far_in_row = 0
        """Of the steps that have been read, how many in a row were beyond their limit, as the stepper counts them."""
        self._unread: list[_Unread] = []

    def note(self, step: int, lr: float, names: tuple[str, ...], row: Tensor, limit: float = math.inf) -> None:
        """Take one step's values (n,) as they are on the device, and the limit of its gradient's norm. Microseconds."""
        self._unread.append(_Unread(step, lr, names, row, limit))

    def read(self, mean: Callable[[Tensor], Tensor]) -> list[Entry]:
        """The steps since the last call. Waits for the device. `mean`: over the processes, of a tensor on the CPU; collective."""
        found: list[Entry] = []
        for names, group in groupby(self._unread, key=lambda one: one.names):
            some = list(group)
            rows = mean(torch.stack([one.row for one in some]).cpu()).tolist()
            for one, row in zip(some, rows, strict=True):
                values = dict(zip(names, row, strict=True))
                found.append(Entry(one.step, one.lr, values, self._far(values, one.limit)))
        self._unread = []
        for entry in found:
            if math.isfinite(entry.values["loss"]) and not entry.far:
                kept = {name: value for name, value in entry.values.items() if name in self.keep}
                if self.jumps(entry.values):
                    kept[JUMP] = 1.0
                self.entries.append(Entry(entry.step, entry.lr, kept))
        return found

    def _far(self, values: Mapping[str, float], limit: float) -> bool:
        beyond = values.get("grad_norm", 0.0) > limit
        refused = beyond and self.far_in_row < MOST_FAR
        self.far_in_row = self.far_in_row + 1 if beyond else 0
        return refused

    def forget(self) -> None:
        """What was before is no measure for what comes."""
        self.entries.clear()

    def forget_after(self, step: int) -> None:
        """The model is again what it was after `step` steps."""
        for entry in [one for one in self.entries if one.step > step]:
            self.entries.remove(entry)

    # A checkpoint ----------------------------------------------------------------------------------------------------

    def state(self) -> list[dict[str, Any]]:
        """What has been read, the same on every process."""
        return [{"step": one.step, "lr": one.lr, "values": dict(one.values)} for one in self.entries]

    def unread(self) -> list[dict[str, Any]]:
        """What has not been read, of this process."""
        return [
            {"step": u.step, "lr": u.lr, "names": list(u.names), "row": u.row, "limit": u.limit} for u in self._unread
        ]

    def restore(self, state: Sequence[Mapping[str, Any]], unread: Sequence[Mapping[str, Any]]) -> None:
        """Go on from a checkpoint."""
        self.entries = deque((Entry(one["step"], one["lr"], one["values"]) for one in state), maxlen=LENGTH)
        self._unread = [
            _Unread(one["step"], one["lr"], tuple(one["names"]), one["row"], float(one.get("limit", math.inf)))
            for one in unread
        ]

    def far_until_now(self) -> int:
        """`far_in_row` with the steps that nobody has read yet. Waits for the device."""
        count = self.far_in_row
        for one in self._unread:
            norm = float(one.row[one.names.index("grad_norm")]) if "grad_norm" in one.names else 0.0
            count = count + 1 if norm > one.limit else 0
        return count
