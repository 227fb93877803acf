"""The images that a prior learned from, as tokens: what a dream is compared with, and what it may start from.

Shape legend: N images, Q levels of codes on h x w cells, T frames of an item; an item of a prior of images has T = 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tilework.explore.cloud import spread
from tilework.explore.opened import Opened, Side

MOST = 8_192
"""Images of each side that are encoded where there is no token folder."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """Tokens of the images of a run. Arrays of length N; a clip's images follow each other in the order of its frames."""

    codes: NDArray[np.int64]
    """(N, Q, h, w)."""
    sides: NDArray[np.int64]
    """0 = training, 1 = validation."""
    groups: NDArray[np.int64]
    """The clip that each is a frame of; of stills each image is its own."""
    names: dict[int, str] = field(default_factory=dict)
    """What the clips are called."""
    loops: frozenset[int] = frozenset()
    """Clips whose last frame is followed by the first."""

    def side(self, side: Side, most: int | None = None) -> NDArray[np.int64]:
        """Positions of the images of a side; at most so many, evenly spread."""
        found = np.flatnonzero(self.sides == (side == "validation"))
        return found if most is None or len(found) <= most else found[spread(len(found), most)]

    @cached_property
    def clips(self) -> dict[int, NDArray[np.int64]]:
        """Positions of the frames of each clip, in order."""
        order = np.argsort(self.groups, kind="stable")
        numbers, starts = np.unique(self.groups[order], return_index=True)
        return dict(zip(numbers.tolist(), np.split(order, starts[1:]), strict=True))

    def clips_of(self, side: Side) -> list[int]:
        """Clips that have a frame on a side. A clip whose frames are on both sides belongs to the training side alone."""
        wanted = side == "validation"
        return [number for number, frames in self.clips.items() if bool((self.sides[frames] == 1).all()) == wanted]

    def name(self, group: int) -> str:
        """What a clip is called."""
        return self.names.get(group) or f"clip {group}"


def encoded(opened: Opened) -> Corpus:
    """The images of a run as its model encodes them now; at most 8,192 of each side, in whole clips.

    Raises UserError where the images are not there, or the model has no tokens.
    """
    images = opened.need_images("comparing dreams with the training images")
    store = images.store
    codes, sides, groups = [], [], []
    for number, side in enumerate(("train", "validation")):
        positions = _in_whole_clips(np.sort(images.side(side)), store.groups)  # type: ignore[arg-type]
        for start in range(0, len(positions), 256):
            opened.between()
            part = positions[start : start + 256]
            codes.append(opened.model.codes(store.gather(part)).cpu().numpy())
            groups.append(store.groups[part])
            sides.append(np.full(len(part), number))
    every, of = np.concatenate(groups), np.concatenate(sides)
    order = np.lexsort((np.arange(len(every)), every))
    names = {int(group): store.group_names[int(group)] for group in np.unique(every)}
    loops = frozenset(names) if store.source.get("kind") == "loops" else frozenset()
    return Corpus(np.concatenate(codes)[order], of[order], every[order], names, loops)


def _in_whole_clips(positions: NDArray[np.int64], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of whole groups, evenly spread, at most `MOST` in all (but one group at least)."""
    if len(positions) <= MOST:
        return positions
    numbers, counts = np.unique(groups[positions], return_counts=True)
    kept = numbers[spread(len(numbers), max(1, int(MOST / counts.mean())))]
    return positions[np.isin(groups[positions], kept)]
