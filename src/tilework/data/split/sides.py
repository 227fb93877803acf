"""Which images train and which are held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tilework.data.contract import SplitSettings
from tilework.data.split.clusters import clusters
from tilework.data.split.duplicates import Treatment, kept
from tilework.data.split.leak import LeakReport, measure_leak
from tilework.data.store.frame_store import FrameStore
from tilework.errors import UserError

_LEAK_LIMIT = 50_000

Indices = NDArray[np.int64]
By = Literal["official", "group", "cluster", "segment", "frame"]


@dataclass(frozen=True)
class Split:
    """Store positions of the two sides, each ascending int64, and the leak where it was measured."""

    train: Indices
    validation: Indices
    leak: LeakReport | None
    by: By = "group"
    """What was held out, once `auto` has been decided."""
    dropped: int = 0
    """Duplicates that are on neither side."""

    @property
    def kept_apart(self) -> str:
        """How near twins are kept apart, or that they are not."""
        return {
            "official": "the data's own split is kept: nothing else keeps near twins apart",
            "group": "whole groups are on one side",
            "cluster": "clusters of near twins are on one side",
            "segment": "one stretch of frames of each group is held out: the frames beside it train",
            "frame": "single frames are held out: nothing keeps their neighbours and near twins apart",
        }[self.by]

    @property
    def summary(self) -> str:
        """How twins are kept apart, and how many are not: what stands beside validation metrics."""
        if self.leak is None:
            return self.kept_apart
        twins = round(self.leak.twins * self.leak.examined)
        return f"{self.kept_apart}; {twins:,} of {self.leak.examined:,} held-out images have a near twin in training"


def split_by(store: FrameStore, settings: SplitSettings, duplicates: Treatment = "keep") -> Split:
    """Divide the images of `store`; the same settings always give the same split.

    By group, all of a group lands on one side; where every image is its own group and has a label, each class keeps its
    share. By cluster, all near twins of an image are on its side, class by class. Images that the source forces (official
    test files, folders train and val) go where they belong and only the rest is divided, unless `official` is false. By
    segment, one stretch of frames of every group is held out; by frame, images are drawn one by one; both measure the leak.
    `auto` is by cluster where no side is forced and groups cannot keep twins together (every image is its own group, there
    is one group in all, or one for each class). Duplicates that are dropped are on neither side, and change nothing for the
    rest. Raises UserError where a side would be empty.
    """
    by = decided(store, settings)
    forced = _forced(store, settings)
    draw = {
        "official": _held_out_as_given,
        "group": _held_out_by_group,
        "cluster": _held_out_by_cluster,
        "segment": _held_out_by_segment,
        "frame": _held_out_by_frame,
    }[by]
    held_out = draw(store, settings, forced)
    stays = kept(store, duplicates)
    validation, train = np.flatnonzero(held_out & stays), np.flatnonzero(~held_out & stays)
    if len(validation) == 0 or len(train) == 0:
        raise _empty_side(store, by, settings.validation, "training" if len(train) == 0 else "validation")
    measure = by in {"segment", "frame"} or store.count <= _LEAK_LIMIT
    leak = measure_leak(store, train, validation, settings.seed) if measure else None
    return Split(train, validation, leak, by, int(store.count - stays.sum()))


def decided(store: FrameStore, settings: SplitSettings) -> By:
    """What `data.split.by=auto` stands for with this store; any other value as it is."""
    forced = _forced(store, settings)
    if (forced >= 0).all():
        return "official"
    if settings.by != "auto":
        return settings.by
    if store.groups_suffice or (forced >= 0).any():
        return "group"
    count = len(np.unique(store.groups))
    one_for_each_class = (store.labels >= 0).all() and len(np.unique(store.labels)) == count
    return "cluster" if count in {1, store.count} or one_for_each_class else "group"


def _forced(store: FrameStore, settings: SplitSettings) -> NDArray[np.int64]:
    """The side that each image is forced to: 1 = held out, 0 = training, -1 = the split decides."""
    return store.held_out if settings.official else np.full_like(store.held_out, -1)


def _empty_side(store: FrameStore, by: By, share: float, side: str) -> UserError:
    if by == "official":
        return UserError(
            f"the data's own split leaves the {side} side empty",
            why="none of the images of that side is left (unreadable, duplicates, or beyond data.limit)",
            fix="write data.split.official=false to divide all images anew",
        )
    groups = len(store.group_names)
    problem = f"data.split.by={by} with data.split.validation={share:g} leaves the {side} side empty"
    if by == "group" and groups < store.count:
        return UserError(
            problem,
            why=f"the data has {store.count:,} images in only {groups} group{'s' * (groups != 1)}, and a group is never cut",
            fix="give more groups (clips, animations), or write data.split.by=frame and read the leak it reports",
        )
    if by == "cluster" and store.count > 1:
        return UserError(
            problem,
            why=f"all {store.count:,} images are near twins of one another, by a chain of images that resemble each other",
            fix="give more different images, or write data.split.by=segment and read the leak it reports",
        )
    if by == "segment" and store.count > 1:
        return UserError(
            problem,
            why=f"none of the {groups:,} groups has more than one image, so there is no stretch to hold out",
            fix="write data.split.by=auto",
        )
    return UserError(
        problem,
        why=f"the data has {store.count:,} image{'s' * (store.count != 1)}",
        fix="give at least two images",
    )


def _held_out_as_given(store: FrameStore, settings: SplitSettings, forced: Indices) -> NDArray[np.bool_]:
    held_out: NDArray[np.bool_] = forced == 1
    return held_out


def _held_out_by_frame(store: FrameStore, settings: SplitSettings, forced: Indices) -> NDArray[np.bool_]:
    held_out: NDArray[np.bool_] = forced == 1
    free = np.flatnonzero(forced < 0)
    held_out[_draw(free, settings.validation, np.random.default_rng(settings.seed))] = True
    return held_out


def _held_out_by_segment(store: FrameStore, settings: SplitSettings, forced: Indices) -> NDArray[np.bool_]:
    """One stretch of consecutive frames of each group that has more than one; a single image trains."""
    rng = np.random.default_rng(settings.seed)
    held_out: NDArray[np.bool_] = forced == 1
    free = np.flatnonzero(forced < 0)
    in_order = free[np.lexsort((store.frames[free], store.groups[free]))]
    for frames in np.split(in_order, np.flatnonzero(np.diff(store.groups[in_order])) + 1):
        if len(frames) < 2:
            continue
        count = min(max(1, round(settings.validation * len(frames))), len(frames) - 1)
        first = int(rng.integers(0, len(frames) - count + 1))
        held_out[frames[first : first + count]] = True
    return held_out


def _held_out_by_group(store: FrameStore, settings: SplitSettings, forced: Indices) -> NDArray[np.bool_]:
    rng = np.random.default_rng(settings.seed)
    held_out: NDArray[np.bool_] = forced == 1
    free = np.flatnonzero(forced < 0)
    mixed = set(store.groups[free]) & set(store.groups[forced >= 0])
    if mixed or set(store.groups[held_out]) & set(store.groups[forced == 0]):
        raise UserError(
            "a group has images forced to one side of the split and others that are not",
            why="data.split.by=group keeps a group on one side",
            fix="write data.split.by=frame",
        )
    if len(free) == 0:
        return held_out
    sizes = np.bincount(store.groups[free], minlength=int(store.groups.max()) + 1)
    if sizes.max() > 1:
        chosen = _draw_groups(sizes, settings.validation, rng, both_sides=not (forced >= 0).any())
        held_out[free] = np.isin(store.groups[free], chosen)
    elif (store.labels[free] >= 0).all():
        held_out[_draw_by_class(free, store.labels[free], settings.validation, rng)] = True
    else:
        held_out[_draw(free, settings.validation, rng)] = True
    return held_out


def _held_out_by_cluster(store: FrameStore, settings: SplitSettings, forced: Indices) -> NDArray[np.bool_]:
    """Whole clusters of near twins; one with an image whose side is forced goes where that one is."""
    rng = np.random.default_rng(settings.seed)
    held_out: NDArray[np.bool_] = forced == 1
    first = clusters(store)
    forced_train, forced_out = first[forced == 0], first[held_out]
    held_out |= (forced < 0) & np.isin(first, forced_out) & ~np.isin(first, forced_train)
    free = np.flatnonzero((forced < 0) & ~np.isin(first, forced_out) & ~np.isin(first, forced_train))
    if len(free) == 0:
        return held_out
    roots, sizes = np.unique(first[free], return_counts=True)
    labels = store.labels[roots] if (store.labels[free] >= 0).all() else np.zeros(len(roots), dtype=np.int64)
    if sizes.max() > 1:
        chosen = np.concatenate(
            [
                _draw_clusters(roots[labels == c], sizes[labels == c], settings.validation, rng)
                for c in np.unique(labels)
            ]
        )
        if len(chosen) == 0 and len(roots) > 1 and not (forced >= 0).any():
            chosen = roots[[np.argmin(sizes)]]
        held_out[free] = np.isin(first[free], chosen)
    elif (store.labels[free] >= 0).all():
        held_out[_draw_by_class(free, store.labels[free], settings.validation, rng)] = True
    else:
        held_out[_draw(free, settings.validation, rng)] = True
    return held_out


def _draw_clusters(roots: Indices, sizes: Indices, share: float, rng: np.random.Generator) -> Indices:
    """Clusters in random order until their images come nearest to the share; maybe none. One larger than that share trains."""
    wanted = share * sizes.sum()
    small = np.flatnonzero(sizes <= max(1.0, wanted))
    order = rng.permutation(small)
    reached = np.concatenate([[0], np.cumsum(sizes[order])])
    count = int(np.argmin(np.abs(reached - wanted)))
    chosen: Indices = roots[order[: min(count, len(roots) - 1)]]
    return chosen


def _draw(free: Indices, share: float, rng: np.random.Generator) -> Indices:
    """A share of `free`, at least one and at most all but one."""
    wanted = min(max(1, round(share * len(free))), len(free) - 1) if len(free) > 1 else 0
    chosen: Indices = rng.permutation(free)[:wanted]
    return chosen


def _draw_by_class(free: Indices, labels: NDArray[np.int64], share: float, rng: np.random.Generator) -> Indices:
    """The same share of every class, exact over all by largest remainders."""
    total = min(max(1, round(share * len(free))), len(free) - 1) if len(free) > 1 else 0
    sizes = np.bincount(labels)
    exact = sizes * (total / len(free))
    wanted = np.floor(exact).astype(np.int64)
    by_remainder = np.argsort(-(exact - wanted), kind="stable")
    wanted[by_remainder[: total - wanted.sum()]] += 1
    parts = [rng.permutation(free[labels == c])[: wanted[c]] for c in range(len(sizes))]
    return np.concatenate(parts)


def _draw_groups(sizes: NDArray[np.int64], share: float, rng: np.random.Generator, *, both_sides: bool) -> Indices:
    """Whole groups in random order until their images come nearest to the share; at least one group on each side."""
    order = rng.permutation(np.flatnonzero(sizes))
    if both_sides and len(order) < 2:
        return order[:0]
    reached = np.cumsum(sizes[order])
    miss = np.abs(reached - share * reached[-1])
    last = len(order) - 1 if len(order) > 1 else 1
    chosen: Indices = order[: int(np.argmin(miss[:last])) + 1]
    return chosen
