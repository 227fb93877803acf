"""Which codes the newest training steps have used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from tilework.bottlenecks.health import perplexity


class UsageWindow:
    """Codes chosen per level over about the last hundred batches: ten slots of `slot` steps, the oldest dropped first."""

    def __init__(self, slot: int = 10, slots: int = 10) -> None:
        self.slot, self.slots = slot, slots
        self._ring: Tensor | None = None
        self._steps = 0

    def add(self, counts: Tensor) -> None:
        """Take one batch's counts (Q, K)."""
        if self._ring is None:
            self._ring = torch.zeros(self.slots, *counts.shape, dtype=torch.float32, device=counts.device)
        at = (self._steps // self.slot) % self.slots
        if self._steps % self.slot == 0:
            self._ring[at].zero_()
        self._ring[at] += counts
        self._steps += 1

    def shares(self) -> Tensor | None:
        """Share of the window's tokens that each code won (Q, K), of this process; None before the first batch."""
        if self._ring is None:
            return None
        counts = self._ring.sum(0)
        return counts / counts.sum(-1, keepdim=True).clamp_min(1)

    def metrics(self) -> dict[str, float]:
        """Per level: codes in use and perplexity, over all processes. Collective: every rank calls it."""
        if self._ring is None:
            return {}
        counts = self._ring.sum(0)
        if dist.is_available() and dist.is_initialized():
            dist.all_reduce(counts)
        rows = torch.stack([(counts > 0).sum(-1).float(), perplexity(counts)]).tolist()
        names = ("used", "perplexity")
        return {f"{name}.{level + 1}": v for name, row in zip(names, rows, strict=True) for level, v in enumerate(row)}

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"ring": self._ring, "steps": self._steps}

    def restore(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Go on from a checkpoint."""
        self._ring = None if state["ring"] is None else state["ring"].to(device)
        self._steps = int(state["steps"])
