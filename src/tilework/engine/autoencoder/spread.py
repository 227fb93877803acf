"""A few images that stand for many: of every label, group and file the same share, and within each spread over its time.

The frames of a clip that happens to be long would else fill the strip, and neighbouring frames show the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tilework.data import FrameStore

Indices = NDArray[np.int64]
_LOOKED_AT = 64
"""Frames of a stretch among which the one that is shown is looked for."""


def spread(store: FrameStore, side: Indices, most: int) -> Indices:
    """At most `most` of the images `side` (ascending positions in the store), ascending; the same at each call.

    Exact copies are shown once. Of several labels each gives its share, within a label each group, within a group each file;
    within a file, each stretch of time gives the frame that is least like those chosen before.
    """
    _, first = np.unique(store.pixel_hashes[side], return_index=True)
    once = side[np.sort(first)]
    return np.sort(_shares(store, once, [store.labels, store.groups, store.file_numbers], most))


def _shares(store: FrameStore, side: Indices, keys: Sequence[Indices], most: int) -> Indices:
    """`most` of `side`: of each value of the first key the same share, as far as there are so many."""
    if len(side) <= most:
        return side
    if not keys:
        return _over_time(store, side, most)
    values = keys[0][side]
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.diff(values[order], prepend=values[order[0]] - 1))
    ends = np.append(starts[1:], len(side))
    taken = _middles(len(starts), most) if len(starts) > most else range(len(starts))
    parts = [side[order[starts[at] : ends[at]]] for at in taken]
    quotas = _quotas([len(part) for part in parts], most)
    return np.concatenate([_shares(store, part, keys[1:], n) for part, n in zip(parts, quotas, strict=True)])


def _quotas(sizes: Sequence[int], most: int) -> list[int]:
    """How many each part gives, `most` in all: as equal as their sizes allow, one more from those that come first."""
    quotas = [0] * len(sizes)
    while (left := most - sum(quotas)) > 0:
        open_ = [at for at, size in enumerate(sizes) if quotas[at] < size]
        if not open_:
            break
        for at in open_[:left]:
            quotas[at] += 1
    return quotas


def _over_time(store: FrameStore, side: Indices, most: int) -> Indices:
    """One frame of each of `most` equal stretches, the least like those chosen so far; the first from the middle of its own, as
    a clip's first frame is often empty."""
    if len(side) > _LOOKED_AT * most:
        side = side[_middles(len(side), _LOOKED_AT * most)]
    stretches = np.array_split(side, most)
    chosen = [stretches[0][len(stretches[0]) // 2]]
    unlike = np.full(len(side), np.inf)
    thumbs = store.thumbs[side].reshape(len(side), -1).astype(np.float32)
    starts = np.cumsum([0, *(len(stretch) for stretch in stretches)])
    for low, high in pairwise(starts[1:]):
        new = thumbs[np.searchsorted(side, chosen[-1])]
        unlike = np.minimum(unlike, np.abs(thumbs - new).mean(axis=1))
        chosen.append(side[low + int(unlike[low:high].argmax())])
    return np.array(chosen, dtype=np.int64)


def _middles(count: int, most: int) -> Indices:
    """The middle of each of `most` equal stretches of `count`."""
    found: Indices = ((np.arange(most) + 0.5) * count / most).astype(np.int64)
    return found
