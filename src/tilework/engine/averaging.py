"""A slow copy of the weights, which usually validates better than the fast one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential moving average of all trainable parameters: a <- d a + (1 - d) w after each step.

    Early on the decay is min(d, (1 + n) / (10 + n)) after n steps, so that the average does not start from the random
    initial weights. Buffers (batch statistics, EMA codebooks) are averages already and are used as they are.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.live = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self.slow = {name: p.detach().clone() for name, p in self.live.items()}

    @torch.no_grad()
    def update(self, refused: Tensor | None = None) -> None:
        """Take one step of the average; call it once after each optimiser step. `refused`: a scalar on the device of the weights,
        not 0 where that step was refused; the average then stays as it is. Waits for no GPU."""
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        self.steps += 1
        slow: list[Tensor] = list(self.slow.values())
        live: list[Tensor] = list(self.live.values())
        if refused is None or (refused.device.type == "cpu" and not bool(refused)):
            torch._foreach_lerp_(slow, live, 1 - decay)
        elif refused.device.type != "cpu":
            ways = torch._foreach_sub(live, slow)
            torch._foreach_mul_(ways, (1 - decay) * (refused == 0))
            torch._foreach_add_(slow, ways)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within this block the model has the averaged weights."""
        kept = {name: p.detach().clone() for name, p in self.live.items()}
        self._write(self.slow)
        try:
            yield
        finally:
            self._write(kept)

    @torch.no_grad()
    def _write(self, values: dict[str, Tensor]) -> None:
        for name, parameter in self.live.items():
            parameter.copy_(values[name])
