"""Which images of a frame store are frames of a clip, and which clips are loops: nothing in a file states it."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tilework.data import FrameStore

Loops = Literal["auto", "all", "none"]

_DRAWN_ROUND = "loops"
"""The kind of source that draws once round a loop."""
_MEASURED = frozenset({"animations", "sketches"})
"""Kinds whose clips may be loops. A film of the world is none, also where its first and last frames are alike."""
_FEWEST = 4
"""Frames of the shortest clip that is measured: of fewer, every step is as long as that over the seam."""
_SEAM = 1.5
"""A loop's step over the seam is at most so many mean steps from frame to frame, or steps right beside the seam, where it moves
faster there."""


def in_clips(store: FrameStore) -> NDArray[np.bool_]:
    """(N,) of each image whether it is a frame of a clip: its group has several, with a number each."""
    order = np.lexsort((store.frames, store.groups))
    groups, frames = store.groups[order], store.frames[order]
    several = np.bincount(store.groups) > 1
    several[groups[1:][(groups[1:] == groups[:-1]) & (frames[1:] == frames[:-1])]] = False
    clip: NDArray[np.bool_] = several[store.groups]
    return clip


def closed(store: FrameStore, clip: NDArray[np.bool_], kept: NDArray[np.int64], loops: Loops) -> list[int]:
    """The groups that are loops: all clips, none, or (auto) those that a program drew round, and those without a seam.

    Only whole clips are: `kept` are the images that are encoded. The seam is measured on the grey thumbnails.
    """
    kind = str(store.source.get("kind", ""))
    if loops == "none" or (loops == "auto" and kind not in {_DRAWN_ROUND, *_MEASURED}):
        return []
    of = np.flatnonzero(clip)
    of = of[np.lexsort((store.frames[of], store.groups[of]))]
    stays = np.zeros(store.count, dtype=np.bool_)
    stays[kept] = True
    found = []
    for members in np.split(of, np.flatnonzero(np.diff(store.groups[of])) + 1):
        if not len(members) or not stays[members].all():
            continue
        whole = bool((np.diff(store.frames[members]) == 1).all())
        if loops == "all" or kind == _DRAWN_ROUND or (whole and _without_seam(store.thumbs[members])):
            found.append(int(store.groups[members[0]]))
    return found


def _without_seam(thumbs: NDArray[np.uint8]) -> bool:
    if len(thumbs) < _FEWEST:
        return False
    frames = thumbs.astype(np.float32)
    steps = np.abs(frames - np.roll(frames, 1, axis=0)).mean((1, 2))
    return bool(steps[0] <= _SEAM * max(steps[1:].mean(), steps[1], steps[-1]))
