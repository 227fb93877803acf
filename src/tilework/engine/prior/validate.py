"""The held-out pass of a prior: bits of every token, where they are spent, and what plain codes take for the same tokens.

Shape legend: n items of T frames of Q levels on h x w positions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tilework.engine.compute import Compute
from tilework.engine.prior.baselines import Baselines
from tilework.engine.prior.clips import Indices, Items
from tilework.engine.prior.feed import Codes, TokenBatch
from tilework.engine.tasks.contract import Validation, fork_rng
from tilework.priors.contract import Prior

FEWEST, MOST, TOKENS = 8, 1024, 2**15
"""As many items as have so many tokens together, within these bounds."""
ASIDE = frozenset({"bits_per_token"})
"""Values of a prior's loss that give `bits` in another unit."""


@dataclass(frozen=True)
class Measured(Validation):
    """One pass over held-out items."""

    bits: NDArray[np.float32] | None = None
    """(T, Q, h, w): what each token takes, mean over items."""


@dataclass(frozen=True)
class HeldOut:
    """The held-out items that a validation measures, in batches that are the same at every pass."""

    codes: Codes
    items: Items
    numbers: Indices
    """Which of the items: spread over all."""
    batch_size: int
    baselines: Baselines
    dims: int
    """Numbers in one image: height x width x channels."""
    seed: int

    @classmethod
    def of(cls, codes: Codes, items: Items, most: int | None, **rest: Any) -> HeldOut:
        """At most so many of the items; None = as many as a validation of some seconds takes."""
        if most is None:
            tokens = items.frames * math.prod(codes.rows.shape[1:])
            most = max(FEWEST, min(MOST, TOKENS // tokens))
        spread = np.linspace(0, len(items) - 1, min(most, len(items))).round().astype(np.int64)
        return cls(codes, items, np.unique(spread), **rest)

    def batches(self) -> list[Indices]:
        """Numbers of the items of each batch."""
        return np.split(self.numbers, range(self.batch_size, len(self.numbers), self.batch_size))

    def batch(self, numbers: Indices) -> TokenBatch:
        """One of the batches."""
        return self.codes.batch(self.items, numbers)


@torch.no_grad()
def validate(compute: Compute, prior: Prior, held_out: HeldOut) -> Measured:
    """Pass over the items in evaluation mode; changes no buffer and no random state.

    What a prior draws to measure itself (which tokens are masked, in which order they follow) it draws alike at every pass, so
    that passes can be compared. With several processes each takes every n-th batch and the sums are added up.
    """
    was_training = prior.training
    prior.eval()
    try:
        own = [
            _of_batch(compute, prior, held_out, number, part)
            for number, part in enumerate(held_out.batches())
            if number % compute.world == compute.rank
        ]
    finally:
        prior.train(was_training)
    every = [one for process in compute.gathered(own) for one in process]
    return _added_up(sorted(every, key=lambda one: one.number), held_out)


@dataclass(frozen=True)
class _Sums:
    """Of one batch: sums over its items."""

    number: int
    items: int
    values: dict[str, float]
    bits: NDArray[np.float64]
    plain: dict[str, float]


def _of_batch(compute: Compute, prior: Prior, held_out: HeldOut, number: int, part: Indices) -> _Sums:
    batch = held_out.batch(part)
    with fork_rng(compute.device):
        torch.manual_seed(held_out.seed + number)
        loss = prior(batch.tokens, batch.labels)
        with compute.autocast():
            bits = prior.bits(batch.tokens, batch.labels, torch.Generator().manual_seed(held_out.seed + number))
    values = {"loss": loss.total, **{name: value for name, value in loss.values.items() if name not in ASIDE}}
    plain = held_out.baselines.bits(batch.tokens.cpu().numpy())
    return _Sums(
        number,
        len(part),
        {name: float(value) * len(part) for name, value in values.items()},
        bits.double().sum(0).cpu().numpy(),
        {name: float(each.mean()) * len(part) for name, each in plain.items()},
    )


def _added_up(every: list[_Sums], held_out: HeldOut) -> Measured:
    items = sum(one.items for one in every)

    def mean(of: list[Mapping[str, float]]) -> dict[str, float]:
        return {name: sum(one[name] for one in of) / items for name in of[0]}

    bits = np.sum([one.bits for one in every], axis=0) / items
    metrics = mean([one.values for one in every])
    metrics |= {"bits": float(bits.mean()), "bits_per_dim": float(bits.sum()) / (len(bits) * held_out.dims)}
    if bits.shape[1] > 1:
        metrics |= {f"level_bits.{level}": float(bits[:, level - 1].mean()) for level in range(1, bits.shape[1] + 1)}
    metrics |= {f"coding.{name}": value for name, value in mean([one.plain for one in every]).items()}
    metrics["codes"] = float(held_out.baselines.codes)
    return Measured(metrics, bits.astype(np.float32))


def in_bits(nats: Tensor) -> Tensor:
    """Nats per token -> bits per token."""
    return nats / math.log(2)
