"""A prior whose answers are known beforehand: for what dreams with one, without training any."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from tilework.priors.contract import LabelMix, Loss, Prior, PriorConfig, Sampling, TokenShape, Watch


@dataclass
class Asked:
    """What `sample` was asked for."""

    given: Tensor
    known: Tensor
    labels: Tensor
    sampling: Sampling
    mix: LabelMix | None = None


@dataclass
class Calls:
    """Every call of `sample`."""

    seen: list[Asked] = field(default_factory=list)


class TablePrior(Prior):
    """Draws whole items from a table (N, T, Q, h, w) with labels (N,): of those with the label that is asked for, one by chance.

    An item that is not as long as the table's is made of its frames, as often as needed. `passes` times it calls its
    watch.
    """

    def __init__(
        self,
        table: Tensor,
        shape: TokenShape,
        labels: Tensor | None = None,
        *,
        any_length: bool = True,
        sees_both_sides: bool = True,
        passes: int = 2,
        interrupt_at: Callable[[int], bool] = lambda call: False,
    ) -> None:
        super().__init__(PriorConfig(kind="table"), shape)
        self.table, self.labels = table, labels if labels is not None else torch.full((len(table),), -1)
        self.any_length, self.sees_both_sides, self.passes = any_length, sees_both_sides, passes
        self.interrupt_at, self.calls = interrupt_at, Calls()

    def forward(self, tokens: Tensor, labels: Tensor) -> Loss:
        return Loss(torch.zeros(()))

    def bits(self, tokens: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        return torch.zeros(tokens.shape)

    def sample(
        self,
        given: Tensor,
        known: Tensor,
        labels: Tensor,
        sampling: Sampling,
        generator: torch.Generator,
        watch: Watch | None = None,
        mix: LabelMix | None = None,
    ) -> Tensor:
        assert given.shape == known.shape
        assert given.dtype == torch.int64
        assert known.dtype == torch.bool
        assert given.shape[1] == self.shape.frames or self.any_length, "items of another length"
        self.calls.seen.append(Asked(given.clone(), known.clone(), labels.clone(), sampling, mix))
        if self.interrupt_at(len(self.calls.seen)):
            raise KeyboardInterrupt
        drawn = []
        for label in labels.tolist():
            rows = torch.nonzero((self.labels == label) | (label < 0)).flatten()
            chosen = rows[torch.randint(len(rows), (), generator=generator)]
            item = self.table[chosen]
            drawn.append(item[torch.arange(given.shape[1]) * len(item) // given.shape[1]])
        found = torch.where(known, given, torch.stack(drawn))
        for number in range(self.passes):
            if watch is not None:
                watch(found, known if number < self.passes - 1 else torch.ones_like(known))
        return found
