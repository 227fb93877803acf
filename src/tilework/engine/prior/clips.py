"""Which frames make an item: every start within every clip, every `stride`-th frame from there, round a loop where it is one.

Shape legend: N frames in all, G groups (clips), n items of T frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tilework.errors import UserError
from tilework.spec.prior import TokenData

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Frames:
    """What is known of every frame: (N,) each, but `loops` (G,)."""

    groups: Indices
    """Number of the clip."""
    numbers: Indices
    """Number of the frame within its clip; -1 = a still."""
    sides: Indices
    """0 = training, 1 = held out, anything else = on neither side."""
    labels: Indices
    loops: NDArray[np.bool_]
    """Whether the last frame of a clip is followed by its first."""
    unmirrored: int
    """Clips that are no mirror image; clip g + `unmirrored` is clip g mirrored, where there is such a clip."""


@dataclass(frozen=True)
class Items:
    """n items: `rows[first + (start + stride x t) mod length]` are the frames of each."""

    rows: Indices
    """Positions of frames, clip by clip and in their order."""
    first: Indices
    """(n,) where the clip of an item begins in `rows`."""
    start: Indices
    length: Indices
    stride: Indices
    frames: int
    loop: bool
    """Whether every item goes once round a loop."""

    def __len__(self) -> int:
        return len(self.first)

    def frames_of(self, items: Indices) -> Indices:
        """(m,) items -> (m, T) positions of their frames."""
        within = self.start[items, None] + self.stride[items, None] * np.arange(self.frames)
        found: Indices = self.rows[self.first[items, None] + within % self.length[items, None]]
        return found

    def chosen(self, keep: NDArray[np.bool_] | Indices) -> Items:
        """Some of the items."""
        parts = (self.first[keep], self.start[keep], self.length[keep], self.stride[keep])
        return Items(self.rows, *parts, self.frames, self.loop)


def items_of(frames: Frames, data: TokenData) -> tuple[Items, int]:
    """Every item that there is, whatever its side, and how many clips are too short for one.

    Raises UserError for stills where frames of clips are asked for, clips that are all too short, and loops whose length is not
    what `data` goes round.
    """
    on_a_side = (frames.sides == 0) | (frames.sides == 1)
    if data.frames == 1:
        rows = np.flatnonzero(on_a_side)
        none, one = np.zeros(len(rows), dtype=np.int64), np.ones(len(rows), dtype=np.int64)
        return Items(rows, np.arange(len(rows)), none, one, one, 1, False), 0
    clips = list(_clips(frames, on_a_side))
    if not clips:
        raise UserError(
            f"data.frames is {data.frames}, and the parent was trained on single images",
            why="none of its images has a frame before it or after it",
            fix="write data.frames=1, or name a parent that was trained on clips or animations",
        )
    strides = [_stride_of(clip, data) for clip in clips]
    if data.loop is True:
        _refuse_other_lengths(clips, strides, data)
    counts = [clip.starts(data.frames, stride) for clip, stride in zip(clips, strides, strict=True)]
    if not any(counts):
        raise _too_short(clips, strides, data)
    fits = [(c, s, n) for c, s, n in zip(clips, strides, counts, strict=True) if n]
    each = [n for _, _, n in fits]
    first = np.cumsum([0, *(clip.length for clip, _, _ in fits[:-1])])
    made = Items(
        np.concatenate([clip.rows for clip, _, _ in fits]),
        np.repeat(first, each),
        np.concatenate([np.arange(n) for n in each]),
        np.repeat([clip.length for clip, _, _ in fits], each),
        np.repeat([stride for _, stride, _ in fits], each),
        data.frames,
        all(clip.closed and data.frames * stride == clip.length for clip, stride, _ in fits),
    )
    return made, len(clips) - len(fits)


@dataclass(frozen=True)
class _Clip:
    """Frames that follow one another without a gap."""

    rows: Indices
    closed: bool
    """Whether items may pass from its last frame to its first."""

    @property
    def length(self) -> int:
        return len(self.rows)

    def starts(self, frames: int, stride: int) -> int:
        """How many items of so many frames begin in it."""
        if self.closed:
            return self.length if frames * stride <= self.length else 0
        return max(0, self.length - (frames - 1) * stride)


def _clips(frames: Frames, on_a_side: NDArray[np.bool_]) -> Iterator[_Clip]:
    rows = np.flatnonzero(on_a_side & (frames.numbers >= 0))
    rows = rows[np.lexsort((frames.numbers[rows], frames.groups[rows]))]
    groups, steps = frames.groups[rows], np.diff(frames.numbers[rows])
    same = np.diff(groups) == 0
    if not same.any():
        return
    # Frames may be numbered by where they stood in a file of which every second one was read.
    values, counts = np.unique(steps[same], return_counts=True)
    cuts = np.flatnonzero(~same | (steps != values[counts.argmax()])) + 1
    ends = np.flatnonzero(~same) + 1
    for part in np.split(np.arange(len(rows)), cuts):
        whole = (part[0] == 0 or part[0] in ends) and (part[-1] + 1 == len(rows) or part[-1] + 1 in ends)
        yield _Clip(rows[part], whole and bool(frames.loops[groups[part[0]]]))


def _stride_of(clip: _Clip, data: TokenData) -> int:
    if data.stride != "auto":
        return data.stride
    return max(1, clip.length // data.frames) if clip.closed else 1


def _refuse_other_lengths(clips: list[_Clip], strides: list[int], data: TokenData) -> None:
    """Raise UserError where a clip is not gone round once."""
    wrong = [c.length for c, s in zip(clips, strides, strict=True) if not c.closed or data.frames * s != c.length]
    if not wrong:
        return
    length = wrong[0]
    some = f"{len(wrong):,} of {len(clips):,} loops have" if len(clips) > 1 else "the loop has"
    other = f" (the first of them {length:,})" if len(set(wrong)) > 1 else ""
    lengths = f"{length:,} frames" if len(set(wrong)) == 1 else "other lengths"
    raise UserError(
        f"data.frames={data.frames} and data.stride={data.stride} do not go round the loops once",
        why=f"that is {data.frames * data.stride:,} frames, and {some} {lengths}{other}"
        if data.stride != "auto"
        else f"{some} {lengths}{other}, and they do not divide by {data.frames}",
        fix=_way_round(length, data.frames),
    )


def _way_round(length: int, frames: int) -> str:
    """The number of frames nearest to `frames` that goes round a loop of `length`."""
    fitting = [n for n in range(2, length + 1) if length % n == 0]
    if not fitting:
        return "write data.loop=false for items that do not go round"
    near = min(fitting, key=lambda n: abs(n - frames))
    return f"write data.frames={near} data.stride={length // near}, or data.loop=auto for parts of a loop"


def _too_short(clips: list[_Clip], strides: list[int], data: TokenData) -> UserError:
    longest, stride = max(zip(clips, strides, strict=True), key=lambda found: found[0].length)
    wanted = data.frames * stride if longest.closed else (data.frames - 1) * stride + 1
    most = longest.length // stride if longest.closed else (longest.length - 1) // stride + 1
    kind = "loop" if longest.closed else "clip without a gap"
    return UserError(
        f"data.frames={data.frames} and data.stride={data.stride} need {wanted:,} frames of a clip",
        why=f"the longest {kind} of the parent's images has {longest.length:,}",
        fix=f"write data.frames={most}" if most > 1 else "write data.stride=1, or data.frames=1 for single images",
    )
