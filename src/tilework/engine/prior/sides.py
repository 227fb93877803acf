"""Which items train and which are held out: as the parent held out frames, or whole clips anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tilework.engine.prior.clips import Frames, Indices, Items
from tilework.errors import UserError
from tilework.spec.prior import TokenData

_SEED = 0
"""Of the choice of clips: runs of one parent hold out the same ones, whatever their own seed."""
_AT_ONCE = 2**20


@dataclass(frozen=True)
class Sides:
    """The items of both sides."""

    train: Items
    validation: Items
    by: Literal["parent", "clips"]
    clips: tuple[int, int]
    """How many clips (groups) either side has."""

    @property
    def about(self) -> str:
        """How the sides are kept apart, for what stands beside validation metrics."""
        if self.by == "parent":
            return "what the parent held out"
        return f"{self.clips[1]:,} whole clips of {sum(self.clips):,}"


def divided(items: Items, frames: Frames, data: TokenData) -> Sides:
    """The items on their sides; one that reaches over both is on neither, and so are mirrored ones that are held out.

    Raises UserError where a side would be empty.
    """
    if data.split != "clips":
        found = _apart(items, frames, frames.sides, "parent")
        if len(found.train) and len(found.validation):
            return found
        if data.split == "parent":
            raise _empty(found, items)
    chosen = _clips_held_out(frames, data.validation)
    found = _apart(items, frames, chosen[frames.groups % frames.unmirrored], "clips")
    if not (len(found.train) and len(found.validation)):
        raise UserError(
            f"one clip alone cannot be divided into items of {data.frames} frames to train on and to hold out",
            why="held-out items must not share frames with those of training",
            fix=f"bring more clips, or write data.frames={max(1, data.frames // 4)} data.split=parent",
        )
    return found


def _apart(items: Items, frames: Frames, sides: Indices, by: Literal["parent", "clips"]) -> Sides:
    """Items whose frames are all on one side."""
    held_out = np.empty(len(items), dtype=np.int8)
    per = max(1, _AT_ONCE // items.frames)
    for begin in range(0, len(items), per):
        part = np.arange(begin, min(begin + per, len(items)))
        of_frames = sides[items.frames_of(part)]
        held_out[part] = np.where((of_frames == 1).all(1), 1, np.where((of_frames == 0).all(1), 0, -1))
    of_clip = frames.groups[items.rows[items.first]]
    train = items.chosen(held_out == 0)
    validation = items.chosen((held_out == 1) & (of_clip < frames.unmirrored))

    def clips(some: Items) -> int:
        return len(np.unique(frames.groups[some.rows[some.first]] % frames.unmirrored)) if len(some) else 0

    return Sides(train, validation, by, (clips(train), clips(validation)))


def _clips_held_out(frames: Frames, share: float) -> Indices:
    """(G,) 1 for the clips that are held out: of every label that has several the same share, else of all."""
    rng = np.random.default_rng(_SEED)
    groups, first = np.unique(frames.groups[frames.groups < frames.unmirrored], return_index=True)
    labels = frames.labels[first]
    sides = np.zeros(frames.unmirrored, dtype=np.int64)
    several = [groups[labels == label] for label in np.unique(labels)]
    if not any(len(one) > 1 for one in several):
        several = [groups]
    for one in several:
        if len(one) > 1:
            count = min(max(1, round(share * len(one))), len(one) - 1)
            sides[rng.permutation(one)[:count]] = 1
    return sides


def _empty(found: Sides, items: Items) -> UserError:
    side = "training" if len(found.train) == 0 else "validation"
    return UserError(
        f"data.split=parent leaves the {side} side without an item of {items.frames} frames",
        why="no item lies wholly in the frames of that side of the parent's split",
        fix=f"write data.split=clips to hold out whole clips, or data.frames={max(1, items.frames // 4)}",
    )
