"""Where a clip's frames are, read without decoding one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tilework.data.media.images import Unreadable
from tilework.data.video.container import opened
from tilework.data.video.segment import is_cut_off


@dataclass(frozen=True)
class ClipIndex:
    """Frames in the order in which they are shown."""

    count: int
    times: NDArray[np.int64] | None
    """When each is shown, in the stream's own unit, ascending; None where the file does not give it, or gives it
    twice."""
    keys: NDArray[np.int64]
    """Numbers of the frames that can be decoded without any before them."""
    promised: int
    """Frames that the file's header speaks of; 0 where it does not."""
    cut_off: bool = False
    """Whether the file shows in another way that it was longer."""

    @property
    def breaks_off(self) -> bool:
        """Whether frames are missing at its end."""
        return self.cut_off or self.promised > self.count

    def number_at(self, time: int | None, likely: int) -> int | None:
        """The number of the frame that is shown at `time`; looked for at `likely` first."""
        if self.times is None or time is None:
            return None
        if 0 <= likely < self.count and self.times[likely] == time:
            return likely
        place = int(np.searchsorted(self.times, time))
        return place if place < self.count and self.times[place] == time else None

    def keys_before(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """For each of `numbers` the last frame at or before it from which decoding can begin."""
        # A damaged file may have no key frame at all: decoding begins at its start then, as before the first one.
        starts = np.concatenate([np.zeros(1, np.int64), self.keys])
        return np.asarray(starts[np.searchsorted(self.keys, numbers, side="right")], np.int64)


def read_index(path: Path) -> ClipIndex:
    """Read through the packets of a clip. Raises Unreadable where it is no video."""
    import av

    times: list[int | None] = []
    keys: list[bool] = []
    with opened(path) as (container, stream):
        promised = stream.frames
        try:
            for packet in container.demux(stream):
                if packet.size == 0 or packet.is_discard:
                    continue
                times.append(packet.pts)
                keys.append(packet.is_keyframe)
        except av.FFmpegError:
            pass  # what is before the damage counts; the decoder finds where it is
    if not times:
        raise Unreadable("it has no frames")
    cut_off = is_cut_off(path)
    known = [t for t in times if t is not None]
    if len(known) < len(times) or len(set(known)) < len(known):
        return ClipIndex(len(times), None, np.zeros(1, np.int64), promised, cut_off)
    order = np.argsort(np.array(known, np.int64), kind="stable")
    shown = np.array(known, np.int64)[order]
    return ClipIndex(len(times), shown, np.flatnonzero(np.array(keys)[order]), promised, cut_off)


def promised_frames(path: Path) -> int | None:
    """How many frames the head of a clip gives; 0 where it is no video, None where it gives none."""
    try:
        with opened(path) as (_, stream):
            return stream.frames or None
    except Unreadable:
        return 0
