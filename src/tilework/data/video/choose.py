"""Which frames of the clips are taken: from the nth on, every k-th; or some at random, never too close."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def every_kth(count: int, skip: int, every: int) -> NDArray[np.int64]:
    """Of `count` frames those that are left after the first `skip`, and of these every `every`-th from the first."""
    return np.arange(skip, count, every, dtype=np.int64)


def at_random(
    counts: Sequence[int], wanted: int, gap: int, skip: int, every: int, seed: int
) -> list[NDArray[np.int64]]:
    """`wanted` frames over all clips, those of one clip at least `gap` apart; all that fit where there is no room for so many.

    `counts` are the clips' lengths. Each clip gets its share by lot, as many tickets as frames that it has room for; within
    a clip every choice that keeps the gap is equally likely.
    """
    rng = np.random.default_rng(seed)
    choices = [len(every_kth(count, skip, every)) for count in counts]
    # Among every k-th frame, a gap of g frames is ceil(g / k) choices.
    apart = max(1, -(-gap // every))
    room = np.array([-(-n // apart) for n in choices], dtype=np.int64)
    shares = _by_lot(room, min(wanted, int(room.sum())), rng)
    return [
        skip + every * _spaced(choice, int(share), apart, rng) for choice, share in zip(choices, shares, strict=True)
    ]


def _by_lot(room: NDArray[np.int64], wanted: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """How many of `wanted` tickets each clip draws, without putting any back."""
    shares = np.zeros(len(room), np.int64)
    left = int(room.sum())
    for clip, tickets in enumerate(room):
        left -= int(tickets)
        drawn = rng.hypergeometric(int(tickets), left, wanted) if wanted > 0 else 0
        shares[clip] = drawn
        wanted -= int(drawn)
    return shares


def _spaced(count: int, wanted: int, apart: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """`wanted` of `count` places, ascending, each at least `apart` from the next, all such choices equally likely.

    Taking the gaps out leaves places that may be next to each other: choose among those, then put the gaps back in.
    """
    if wanted == 0:
        return np.zeros(0, np.int64)
    free = count - (wanted - 1) * (apart - 1)
    places = np.sort(rng.choice(free, size=wanted, replace=False)).astype(np.int64)
    return places + np.arange(wanted, dtype=np.int64) * (apart - 1)
