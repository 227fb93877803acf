"""Chosen frames of one clip, in order, decoding as little as can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tilework.data.media.images import MAX_PIXELS, Unreadable
from tilework.data.video.container import decoder_of, looks_of, opened, reason_of
from tilework.data.video.index import ClipIndex
from tilework.data.video.shape import Looks, Shaper

if TYPE_CHECKING:
    from av import VideoCodecContext, VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

# A jump empties the decoder's pipeline, which costs about as much as decoding this many frames.
_WORTH_A_JUMP = 24


class Damaged(Unreadable):
    """The clip is broken from some frame on; what came before it is good."""


def chosen_frames(
    path: Path, index: ClipIndex, wanted: NDArray[np.int64], shaper_for: Callable[[Looks], Shaper]
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """(number, pixels) of each frame in `wanted` (ascending). Raises Damaged after the last good one where the clip breaks."""
    if len(wanted) == 0:
        return
    todo, keys = wanted.tolist(), index.keys_before(wanted).tolist()
    with opened(path) as (container, stream):
        decoder, shaper = decoder_of(stream), shaper_for(looks_of(path, container, stream))
        here, place = 0, 0
        # A decoder of its own sees alpha that is a second stream, whose key frames are elsewhere.
        may_jump = index.times is not None and decoder is stream.codec_context
        while place < len(todo):
            key = keys[place]
            jumped = may_jump and key - here >= _WORTH_A_JUMP
            if jumped:
                _seek(container, stream, index, key)
                here = key
            for number, frame in _decoded(container, stream, decoder, index, here):
                if jumped and number > key:  # the container found no way to that frame: from the start, then
                    _seek(container, stream, index, 0)
                    here, may_jump = 0, False
                    break
                jumped = False
                here = number + 1
                while place < len(todo) and todo[place] < number:  # a frame that is never shown
                    place += 1
                if place < len(todo) and todo[place] == number:
                    yield number, _pixels(shaper, frame)
                    place += 1
                if place == len(todo):
                    return
                if may_jump and keys[place] - here >= _WORTH_A_JUMP:
                    break
            else:
                of = f" of {index.promised:,}" if index.promised > todo[place] else ""
                raise Damaged(f"it breaks off before frame {here:,}{of}")


def _seek(container: InputContainer, stream: VideoStream, index: ClipIndex, number: int) -> None:
    import av

    assert index.times is not None
    try:
        container.seek(int(index.times[number]), stream=stream)
    except av.FFmpegError as error:
        raise Damaged(f"frame {number:,} cannot be reached ({reason_of(error)})") from None


def _pixels(shaper: Shaper, frame: VideoFrame) -> NDArray[np.uint8]:
    import av

    try:
        return shaper.pixels(frame)
    except (av.FFmpegError, ValueError) as error:
        raise Damaged(f"a frame cannot be turned into an image ({reason_of(error)})") from None


def _decoded(
    container: InputContainer, stream: VideoStream, decoder: VideoCodecContext, index: ClipIndex, here: int
) -> Iterator[tuple[int, VideoFrame]]:
    """Frames from number `here` on (or a later one, where that cannot be reached), ascending."""
    import av

    last = here - 1
    try:
        for packet in container.demux(stream):
            if packet.is_corrupt and packet.size:
                raise Damaged(_damaged(last))
            for frame in decoder.decode(packet):
                found = index.number_at(frame.pts, last + 1)
                number = last + 1 if found is None else found
                if number <= last:  # before the place that a jump was for
                    continue
                if frame.is_corrupt:
                    raise Damaged(f"it is damaged at frame {number:,}")
                if frame.width * frame.height > MAX_PIXELS:
                    raise Damaged(f"frame {number:,} is {frame.width}x{frame.height}")
                last = number
                yield number, frame
    except av.FFmpegError as error:
        raise Damaged(f"{_damaged(last)} ({str(error.strerror).lower()})") from None


def _damaged(last: int) -> str:
    return f"it is damaged after frame {last:,}" if last >= 0 else "it is damaged before its first frame"
