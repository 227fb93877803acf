"""Which pictures train and which are held out, and how much the one side gives away of the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tilework.data.contract import SplitSettings
from tilework.data.store import FrameStore
from tilework.data.twins import has_twin
from tilework.errors import UserError

NEIGHBOUR_FRAMES = 2
_LEAK_LIMIT = 50_000
_LEAK_SAMPLE = 5_000

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class LeakReport:
    """How much of the validation side the training side has seen, as shares of the `examined` validation pictures."""

    examined: int
    neighbours: float
    """Share with a training picture of the same group at most 2 frames away."""
    twins: float
    """Share with a near twin in training: the same picture but for a small shift or change (see `tilework.data.twins`)."""

    def __str__(self) -> str:
        """What there is of it, for example "12% of the held-out pictures closely resemble a training picture"."""
        found = []
        if self.neighbours > 0:
            found.append(f"{self.neighbours:.0%} are within {NEIGHBOUR_FRAMES} frames of a training picture")
        if self.twins > 0 or not found:
            found.append(f"{self.twins:.0%} closely resemble a training picture")
        return f"of the {self.examined:,} held-out pictures examined, {' and '.join(found)}"


@dataclass(frozen=True)
class Split:
    """Store positions of the two sides, each ascending int64, and the leak where it was measured."""

    train: Indices
    validation: Indices
    leak: LeakReport | None


def split_by(store: FrameStore, settings: SplitSettings) -> Split:
    """Divide the pictures of `store`; the same settings always give the same split.

    By group, all of a group lands on one side; where every picture is its own group and has a label, each class keeps its
    share. Pictures that the source forces (official test files) go where they belong and only the rest is divided. By
    segment, one stretch of frames of every group is held out; by frame, pictures are drawn one by one; both measure the
    leak. Raises UserError where a side would be empty.
    """
    draw = {"group": _held_out_by_group, "segment": _held_out_by_segment, "frame": _held_out_by_frame}[settings.by]
    held_out = draw(store, settings)
    validation, train = np.flatnonzero(held_out), np.flatnonzero(~held_out)
    if len(validation) == 0 or len(train) == 0:
        raise _empty_side(store, settings, "training" if len(train) == 0 else "validation")
    measure = settings.by != "group" or store.count <= _LEAK_LIMIT
    return Split(train, validation, measure_leak(store, train, validation, settings.seed) if measure else None)


def _empty_side(store: FrameStore, settings: SplitSettings, side: str) -> UserError:
    groups = len(store.group_names)
    if settings.by == "group" and groups < store.count:
        return UserError(
            f"data.split.by=group with data.split.validation={settings.validation:g} leaves the {side} side empty",
            why=f"the data has {store.count:,} pictures in only {groups} group{'s' * (groups != 1)}, and a group is never cut",
            fix="give more groups (clips, animations), or write data.split.by=frame and read the leak it reports",
        )
    return UserError(
        f"data.split.by={settings.by} with data.split.validation={settings.validation:g} leaves the {side} side empty",
        why=f"the data has {store.count:,} picture{'s' * (store.count != 1)}",
        fix="give at least two pictures",
    )


def _held_out_by_frame(store: FrameStore, settings: SplitSettings) -> NDArray[np.bool_]:
    held_out: NDArray[np.bool_] = store.held_out == 1
    free = np.flatnonzero(store.held_out < 0)
    held_out[_draw(free, settings.validation, np.random.default_rng(settings.seed))] = True
    return held_out


def _held_out_by_segment(store: FrameStore, settings: SplitSettings) -> NDArray[np.bool_]:
    """One stretch of consecutive frames of each group that has more than one; a single picture trains."""
    rng = np.random.default_rng(settings.seed)
    held_out: NDArray[np.bool_] = store.held_out == 1
    free = np.flatnonzero(store.held_out < 0)
    in_order = free[np.lexsort((store.frames[free], store.groups[free]))]
    for frames in np.split(in_order, np.flatnonzero(np.diff(store.groups[in_order])) + 1):
        if len(frames) < 2:
            continue
        count = min(max(1, round(settings.validation * len(frames))), len(frames) - 1)
        first = int(rng.integers(0, len(frames) - count + 1))
        held_out[frames[first : first + count]] = True
    return held_out


def _held_out_by_group(store: FrameStore, settings: SplitSettings) -> NDArray[np.bool_]:
    rng = np.random.default_rng(settings.seed)
    held_out: NDArray[np.bool_] = store.held_out == 1
    free = np.flatnonzero(store.held_out < 0)
    mixed = set(store.groups[free]) & set(store.groups[store.held_out >= 0])
    if mixed or set(store.groups[held_out]) & set(store.groups[store.held_out == 0]):
        raise UserError(
            "a group has pictures forced to one side of the split and others that are not",
            why="data.split.by=group keeps a group on one side",
            fix="write data.split.by=frame",
        )
    if len(free) == 0:
        return held_out
    sizes = np.bincount(store.groups[free], minlength=len(store.group_names))
    if sizes.max() > 1:
        chosen = _draw_groups(sizes, settings.validation, rng, both_sides=not (store.held_out >= 0).any())
        held_out[free] = np.isin(store.groups[free], chosen)
    elif (store.labels[free] >= 0).all():
        held_out[_draw_by_class(free, store.labels[free], settings.validation, rng)] = True
    else:
        held_out[_draw(free, settings.validation, rng)] = True
    return held_out


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
    """Whole groups in random order until their pictures come nearest to the share; at least one group on each side."""
    order = rng.permutation(np.flatnonzero(sizes))
    if both_sides and len(order) < 2:
        return order[:0]
    reached = np.cumsum(sizes[order])
    miss = np.abs(reached - share * reached[-1])
    last = len(order) - 1 if len(order) > 1 else 1
    chosen: Indices = order[: int(np.argmin(miss[:last])) + 1]
    return chosen


def measure_leak(store: FrameStore, train: Indices, validation: Indices, seed: int = 0) -> LeakReport:
    """How many validation pictures have a neighbour or a near twin in training; at most 5,000 of them are examined."""
    if len(validation) > _LEAK_SAMPLE:
        validation = np.sort(np.random.default_rng([seed, 1]).choice(validation, _LEAK_SAMPLE, replace=False))
    near = np.zeros(len(validation), dtype=bool)
    # One number per (group, frame): groups lie further apart than any neighbour reaches.
    low = int(store.frames.min())
    stride = int(store.frames.max()) - low + 2 * NEIGHBOUR_FRAMES + 1
    place = store.groups * stride + (store.frames - low)
    trained = np.unique(place[train])
    for delta in range(-NEIGHBOUR_FRAMES, NEIGHBOUR_FRAMES + 1):
        near |= np.isin(place[validation] + delta, trained, assume_unique=False)
    twins = has_twin(store.hashes[validation], store.thumbs[validation], store.hashes[train], store.thumbs[train])
    return LeakReport(examined=len(validation), neighbours=float(near.mean()), twins=float(twins.mean()))
