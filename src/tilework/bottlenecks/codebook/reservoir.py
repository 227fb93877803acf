"""A ring of recent tokens, from which dead codes are revived. Some tokens of every fourth step, spread over its batch.

The choice is a function of (seed, step) over the tokens of all processes, in rank order, so that many processes keep
the ring that one process with the whole batch would keep (given equal shares).
"""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from tilework.bottlenecks.codebook.counter import Counter

EVERY = 4
"""Steps from one taking of tokens to the next."""

_PICK, _KEEP = 1, 2


def room_for(codes: int) -> tuple[int, int]:
    """(tokens kept, tokens taken at a time) for a codebook of `codes` entries: a quarter anew every fourth step."""
    kept = min(max(2 * codes, 512), 16384)
    return kept, kept // 4


@functools.lru_cache(maxsize=64)
def _strata(total: int, slots: int, device: torch.device) -> tuple[Tensor, Tensor]:
    edges = torch.arange(slots + 1, dtype=torch.int64) * total // slots
    return edges[:-1].to(device), (edges[1:] - edges[:-1]).to(device)


def picks(counter: Counter, slots: int, total: int, device: torch.device) -> Tensor:
    """One token number in [0, total) from each of `slots` equal stretches of the batch: (slots,) int64.

    Distinct where total >= slots; otherwise some tokens come twice (revival takes only distinct points).
    """
    start, width = _strata(total, slots, device)
    return (start + (counter.bits(_PICK, slots, device) * width >> 32)).clamp_max_(total - 1)


def keeps_new(counter: Counter, slots: int, earlier: int, device: torch.device) -> Tensor:
    """Whether each slot takes the token of this micro-batch, the (earlier + 1)-th of its step: with chance 1/(earlier + 1).

    So every micro-batch of a step is as likely to be in a slot: (slots,) bool.
    """
    return counter.uniform(_KEEP + 16 * earlier, slots, device) * (earlier + 1) < 1


@torch.no_grad()
def write(ring: Tensor, filled: Tensor, step: int, points: Tensor, valid: Tensor) -> None:
    """Put points (S, P, D), where valid (P,), at the step's place in the ring (S, R, D), and mark them in filled (S, R)."""
    slots = points.shape[1]
    first = step // EVERY * slots % ring.shape[1]
    place = ring[:, first : first + slots]
    place.copy_(torch.where(valid[:, None], points, place))
    filled[:, first : first + slots] |= valid
