"""Batches of tokens, in an order that depends on the seed and the epoch alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tilework.engine.prior.clips import Indices, Items
from tilework.errors import UserError


@dataclass(frozen=True)
class TokenBatch:
    """`tokens` (B, T, Q, h, w) int64, `labels` (B,) int64 (-1 = none), on the device."""

    tokens: Tensor
    labels: Tensor


class Rows(Protocol):
    """The tokens of every frame, (N, Q, h, w): an array, or a folder that is read shard by shard."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def __getitem__(self, which: Indices, /) -> NDArray[Any]: ...


@dataclass(frozen=True)
class Codes:
    """Tokens and labels of every frame; cuts items out of them."""

    rows: Rows
    labels: Indices
    device: torch.device

    def batch(self, items: Items, chosen: Indices) -> TokenBatch:
        """Items by number."""
        frames = items.frames_of(chosen)
        tokens = self.rows[frames.ravel()].astype(np.int64).reshape(*frames.shape, *self.rows.shape[1:])
        labels = torch.from_numpy(self.labels[frames[:, 0]])
        return TokenBatch(torch.from_numpy(tokens).to(self.device), labels.to(self.device))


class TokenFeed:
    """Batches of items; an epoch has `epoch_items` of them, and the next epoch those that follow in an order drawn anew each time
    that all were taken.

    `batch_size` counts items over all `world` processes; process `rank` takes its slice of each. An incomplete last batch is left
    out, unless it is the only one. Raises UserError where the batch cannot be shared.
    """

    def __init__(
        self,
        codes: Codes,
        items: Items,
        batch_size: int,
        *,
        seed: int,
        epoch_items: int | None = None,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.codes, self.items, self.batch_size, self.seed = codes, items, batch_size, seed
        self.rank, self.world = rank, world
        self.all = len(items)
        self.count = min(epoch_items or self.all, self.all)
        if batch_size % world or self.count < world:
            raise UserError(
                f"engine.batch_size={batch_size} and {self.count:,} items cannot be shared by {world} processes",
                why="each process takes the same share of every batch",
                fix=f"use engine.batch_size={-(-batch_size // world) * world}",
            )

    @property
    def steps_per_epoch(self) -> int:
        """Batches in one epoch; the same on every process."""
        return max(1, self.batches_after(0))

    def batches_after(self, used: int) -> int:
        """Whole batches in what follows the first `used` items of an epoch."""
        return max(0, self.count - used) // self.batch_size

    def order(self, number: int) -> Indices:
        """The items of epoch `number` (from 0)."""
        begin = number * self.count
        rounds = range(begin // self.all, (begin + self.count - 1) // self.all + 1)
        drawn = np.concatenate([self._permutation(one) for one in rounds])
        begin -= rounds[0] * self.all
        return drawn[begin : begin + self.count]

    def _permutation(self, number: int) -> Indices:
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed, number])))
        return rng.permutation(self.all)

    def epoch(self, number: int, start: int = 0, used: int = 0) -> Iterator[TokenBatch]:
        """The batches of epoch `number` (from 0) that follow its first `used` items, beginning with batch `start`; this process's
        slice of each."""
        order = self.order(number)[used:]
        count = self.batches_after(used) if used else self.steps_per_epoch
        for step in range(start, count):
            batch = order[step * self.batch_size : (step + 1) * self.batch_size]
            each = len(batch) // self.world
            yield self.codes.batch(self.items, batch[self.rank * each : (self.rank + 1) * each])
