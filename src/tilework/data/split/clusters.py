"""Clusters of near twins: two images are in one where a chain of twins joins them."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tilework.data.media.twins import TWIN_BITS, near, twin_bound
from tilework.data.store.frame_store import FrameStore

Indices = NDArray[np.int64]

# Five stretches of the 64 bits: of two hashes that differ in at most four bits, at least one stretch is the same in both.
_BANDS = ((0, 13), (13, 13), (26, 13), (39, 13), (52, 12))
_COMPARED = 2**21
_GATHERED = 2**17
_FILE = "clusters-1.npy"  # the number changes with the definition of a twin


def clusters(store: FrameStore) -> Indices:
    """For each image the position of the first image of its cluster (N,). Kept beside the store once it is known."""
    path = store.folder / _FILE
    with contextlib.suppress(OSError, ValueError):
        known: Indices = np.load(path)
        if known.shape == (store.count,):
            return known
    found = cluster(store.hashes, store.thumbs)
    with contextlib.suppress(OSError):  # a cache that is read-only or full costs the time again and nothing else
        handle, part = tempfile.mkstemp(prefix=f".{_FILE}.", dir=store.folder)
        try:
            with os.fdopen(handle, "wb") as out:
                np.save(out, found)
            os.replace(part, path)
        except OSError:
            os.unlink(part)
    return found


def cluster(hashes: NDArray[np.uint64], thumbs: NDArray[np.uint8]) -> Indices:
    """For each of N images the first image of its cluster (N,); the order of the work never shows in the result.

    Two images are twins here where either is one of the other by `twins.has_twin`, so that no two clusters hold any.
    """
    first = _first_of_same(hashes, thumbs)
    different = np.flatnonzero(first == np.arange(len(first)))
    some, small = hashes[different], np.asarray(thumbs)[different]
    bound = twin_bound(small)
    root = np.arange(len(different))
    for one, other in _gathered(close_pairs(some)):
        apart = root[one] != root[other]
        one, other = one[apart], other[apart]
        twins = near(small, small, np.maximum(bound[one], bound[other]), (one, other))
        _join(root, one[twins], other[twins])
    place = np.empty(len(first), dtype=np.int64)
    place[different] = different[root]
    return place[first]


def close_pairs(hashes: NDArray[np.uint64]) -> Iterator[tuple[Indices, Indices]]:
    """All pairs of hashes that differ in at most 4 bits, in blocks; a pair may come more than once."""
    for shift, bits in _BANDS:
        band = (hashes >> np.uint64(shift)) & np.uint64((1 << bits) - 1)
        order = np.argsort(band, kind="stable")
        for same in np.split(order, np.flatnonzero(np.diff(band[order])) + 1):
            yield from _close_among(same, hashes)


def _close_among(members: Indices, hashes: NDArray[np.uint64]) -> Iterator[tuple[Indices, Indices]]:
    mine = hashes[members]
    rows = max(1, _COMPARED // max(1, len(members)))
    for start in range(0, len(members) - 1, rows):
        block = mine[start : start + rows, None] ^ mine[None, start:]
        one, other = np.nonzero(_ones(block) <= TWIN_BITS)
        later = other > one
        if later.any():
            yield members[start + one[later]], members[start + other[later]]


def _ones(words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """How many bits are set in each."""
    count: NDArray[np.uint8]
    if hasattr(np, "bitwise_count"):  # NumPy 2
        count = np.bitwise_count(words)
        return count
    pairs = words - ((words >> np.uint64(1)) & np.uint64(0x5555555555555555))
    fours = (pairs & np.uint64(0x3333333333333333)) + ((pairs >> np.uint64(2)) & np.uint64(0x3333333333333333))
    eights = (fours + (fours >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    count = ((eights * np.uint64(0x0101010101010101)) >> np.uint64(56)).astype(np.uint8)
    return count


def _gathered(blocks: Iterator[tuple[Indices, Indices]]) -> Iterator[tuple[Indices, Indices]]:
    """Many small blocks as fewer large ones."""
    waiting: list[tuple[Indices, Indices]] = []
    count = 0
    for block in blocks:
        waiting.append(block)
        count += len(block[0])
        if count >= _GATHERED:
            yield np.concatenate([b[0] for b in waiting]), np.concatenate([b[1] for b in waiting])
            waiting, count = [], 0
    if waiting:
        yield np.concatenate([b[0] for b in waiting]), np.concatenate([b[1] for b in waiting])


def _join(root: Indices, one: Indices, other: Indices) -> None:
    """Union of the sets of every pair; `root` holds the smallest member of each one's set, before and after."""
    while len(one):
        low, high = np.minimum(root[one], root[other]), np.maximum(root[one], root[other])
        apart = low != high
        one, other = one[apart], other[apart]
        np.minimum.at(root, high[apart], low[apart])
        while not np.array_equal(root, root[root]):
            root[:] = root[root]


def _first_of_same(hashes: NDArray[np.uint64], thumbs: NDArray[np.uint8]) -> Indices:
    """For each image the first one with the same hash and thumbnail."""
    rows = np.concatenate(
        [hashes.astype("<u8").view(np.uint8).reshape(len(hashes), 8), np.asarray(thumbs).reshape(len(hashes), -1)],
        axis=1,
    )
    whole = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1])))[:, 0]
    _, first, inverse = np.unique(whole, return_index=True, return_inverse=True)
    found: Indices = first[inverse.reshape(-1)].astype(np.int64)
    return found
