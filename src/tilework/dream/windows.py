"""Clips longer than a prior's items: window by window, each given the second half of the one before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tilework.dream.drawing import Given, draw
from tilework.dream.opened import Dreamer
from tilework.priors.contract import Sampling, Watch


def keys_for(dreamer: Dreamer, frames: int, given: int) -> int:
    """Key frames of a clip of so many frames: one at the last given frame, then one each stride."""
    first = offset(dreamer, given)
    return -(-(frames - 1 - first) // dreamer.stride) + 1


def offset(dreamer: Dreamer, given: int) -> int:
    """The frame of the first key frame, so that the last given frame is one."""
    return (given - 1) % dreamer.stride if given else 0


def drawn_clips(
    dreamer: Dreamer,
    count: int,
    keys: int,
    begun: NDArray[np.int64],
    labels: list[int],
    sampling: Sampling,
    seed: int,
    watch: Watch | None = None,
) -> Iterator[NDArray[np.int64]]:
    """Key frames of each clip, one clip after another: (1, keys, Q, h, w). They begin with those of `begun` (g, Q, h, w)."""
    start = begun[offset(dreamer, len(begun)) :: dreamer.stride]
    for number in range(count):
        own = seed if number == 0 else int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
        yield _one(dreamer, keys, start, labels[number], sampling, own, watch)[None]


def _one(
    dreamer: Dreamer,
    keys: int,
    start: NDArray[np.int64],
    label: int,
    sampling: Sampling,
    seed: int,
    watch: Watch | None,
) -> NDArray[np.int64]:
    size = dreamer.shape.frames
    clip = start[:keys]
    while len(clip) < keys:
        # The whole of what is there where it leaves room for as much again, else its end.
        context = clip if len(clip) <= size // 2 else clip[len(clip) - max(1, size // 2) :]
        tokens = np.zeros((1, size, *dreamer.shape.item[1:]), np.int64)
        known = np.zeros(tokens.shape, bool)
        tokens[0, : len(context)], known[0, : len(context)] = context, True
        found = draw(dreamer, Given(tokens, known), [label], sampling, seed + len(clip), watch)[0]
        clip = np.concatenate([clip, found[len(context) :]])
    return clip[:keys]
