"""Images that are there more than once: exact copies, and near twins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tilework.data.media.twins import TWIN_BITS, near, twin_bound
from tilework.data.split.clusters import clusters
from tilework.data.store.frame_store import FrameStore

Indices = NDArray[np.int64]
Treatment = Literal["keep", "drop", "drop-near"]


@dataclass(frozen=True)
class Duplicates:
    """Sets of at least two images each, as ascending store positions, the largest first."""

    exact: list[Indices]
    """Images whose pixels are the same."""
    near: list[Indices]
    """Clusters of near twins, those left out whose images are all exact copies of one."""

    @property
    def copies(self) -> int:
        """Images that are an exact copy of an earlier one."""
        return sum(len(one) - 1 for one in self.exact)

    @property
    def twins(self) -> int:
        """Images in clusters of near twins."""
        return sum(len(one) for one in self.near)


def duplicates(store: FrameStore) -> Duplicates:
    """The exact and near duplicates of a store."""
    first = first_copies(store)
    near_sets = [one for one in _sets(clusters(store)) if len(np.unique(first[one])) > 1]
    return Duplicates(exact=_sets(first), near=near_sets)


def kept(store: FrameStore, treatment: Treatment) -> NDArray[np.bool_]:
    """Which images stay (N,): the first of its copies, and with `drop-near` no twin of an earlier one that stays."""
    stays: NDArray[np.bool_] = np.ones(store.count, dtype=bool)
    if treatment == "keep":
        return stays
    stays = first_copies(store) == np.arange(store.count)
    if treatment == "drop-near":
        for members in _sets(clusters(store)):
            stays[members] = _unlike_each_other(store, members[stays[members]], members)
    return stays


def first_copies(store: FrameStore) -> Indices:
    """For each image the first one with exactly its pixels (N,)."""
    _, first, inverse = np.unique(store.pixel_hashes, return_index=True, return_inverse=True)
    found: Indices = first[inverse.reshape(-1)].astype(np.int64)
    for index in np.flatnonzero(found != np.arange(store.count)):  # 64 bits are a strong hint; the pixels decide
        pair = store.gather(np.array([found[index], index]))
        if not np.array_equal(pair[0], pair[1]):
            found[index] = index
    return found


def _unlike_each_other(store: FrameStore, candidates: Indices, members: Indices) -> NDArray[np.bool_]:
    """Which of `members` stay when each candidate, in order, is dropped if it is a twin of one that stays."""
    thumbs, hashes = store.thumbs[candidates], store.hashes[candidates]
    bound = twin_bound(thumbs)
    stay: list[int] = []
    for number in range(len(candidates)):
        others = np.array(stay, dtype=np.int64)
        differing = np.unpackbits((hashes[others] ^ hashes[number]).view(np.uint8).reshape(-1, 8), axis=1).sum(1)
        others = others[differing <= TWIN_BITS]
        here = np.full(len(others), number)
        if not near(thumbs, thumbs, np.maximum(bound[others], bound[number]), (here, others)).any():
            stay.append(number)
    return np.isin(members, candidates[stay])


def _sets(first: Indices) -> list[Indices]:
    """Positions with the same value, where there are at least two, the largest set first."""
    order = np.argsort(first, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(first[order])) + 1)
    return sorted((one for one in parts if len(one) > 1), key=lambda one: (-len(one), int(one[0])))
