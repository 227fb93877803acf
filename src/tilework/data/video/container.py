"""Opening a video file, and only a video file: no playlists, no addresses, no messages of the decoder on the screen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tilework.data.pictures import MAX_PIXELS, Unreadable

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

SUFFIXES = frozenset({".mp4", ".m4v", ".mkv", ".webm", ".mov", ".avi"})

# A text file may be a playlist that names other files or addresses; only these containers are looked for.
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi"}


@contextmanager
def opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The file and its first stream of pictures (cover art does not count). Raises Unreadable with the reason."""
    import av

    try:
        if os.path.getsize(path) == 0:
            raise Unreadable("the file is empty")
        # Titles and tags in an old encoding are no reason to refuse a clip.
        with av.open(f"file:{path}", options=_OPTIONS, metadata_errors="replace") as container:
            stream = _pictures(container)
            stream.thread_type = "AUTO"
            yield container, stream
    except av.FFmpegError as error:
        raise Unreadable(reason_of(error)) from None
    except (OSError, ValueError) as error:
        raise Unreadable(getattr(error, "strerror", None) or str(error)) from None


def _pictures(container: InputContainer) -> VideoStream:
    import av

    found = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
    if not found:
        raise Unreadable("it has no video stream")
    stream = found[0]
    if stream.codec_context is None:
        raise Unreadable("it is in a format that this computer has no decoder for")
    width, height = stream.codec_context.width, stream.codec_context.height
    if width <= 0 or height <= 0:
        raise Unreadable("its frames have no size")
    if width * height > MAX_PIXELS:
        raise Unreadable(f"{width}x{height} is more than {MAX_PIXELS // 10**6} million pixels")
    return stream


def reason_of(error: Exception) -> str:
    """A decoder's error in a person's words."""
    text = str(getattr(error, "strerror", None) or error)
    if "Invalid data" in text or "Invalid argument" in text:
        return "it is not a video, or damaged where it says what is in it"
    if "End of file" in text:
        return "the file ends too early"
    return text[:1].lower() + text[1:]
