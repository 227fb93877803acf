"""Opening a video file, and only a video file: no playlists, no addresses, no messages of the decoder on the screen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tilework.data.cores import usable_cores
from tilework.data.media.images import MAX_PIXELS, Unreadable
from tilework.data.video.alpha import unused_alpha
from tilework.data.video.graphics_mode import matte_of
from tilework.data.video.shape import Looks

if TYPE_CHECKING:
    from av import VideoCodecContext
    from av.container import InputContainer
    from av.video.stream import VideoStream

SUFFIXES = frozenset({".mp4", ".m4v", ".mkv", ".webm", ".mov", ".avi"})

# A text file may be a playlist that names other files or addresses; only these containers are looked for.
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi"}

# Each decodes a frame of its own: memory is bounded where frames are large.
_MOST_THREADS = 8

_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


@contextmanager
def opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The file and its first stream of images (cover art does not count). Raises Unreadable with the reason."""
    import av

    try:
        if os.path.getsize(path) == 0:
            raise Unreadable("the file is empty")
        # Titles and tags in an old encoding are no reason to refuse a clip.
        with av.open(f"file:{path}", options=_OPTIONS, metadata_errors="replace") as container:
            stream = _images(container)
            _use_cores(stream.codec_context)
            yield container, stream
    except av.FFmpegError as error:
        raise Unreadable(reason_of(error)) from None
    except (OSError, ValueError) as error:
        raise Unreadable(getattr(error, "strerror", None) or str(error)) from None


def _images(container: InputContainer) -> VideoStream:
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


def decoder_of(stream: VideoStream) -> VideoCodecContext:
    """What decodes the stream. Raises Unreadable where its alpha channel could not be seen.

    WebM keeps VP8 and VP9 alpha as a second image beside the first, which only the codecs' own library puts together.
    """
    import av

    usual = stream.codec_context
    if stream.metadata.get("alpha_mode") != "1" or usual.name not in _WITH_ALPHA:
        return usual
    try:
        decoder = cast("VideoCodecContext", av.CodecContext.create(_WITH_ALPHA[usual.name], "r"))
    except ValueError:
        raise Unreadable("it is partly transparent, and this computer's PyAV has no libvpx to decode that") from None
    decoder.extradata = usual.extradata
    _use_cores(decoder)
    return decoder


def _use_cores(decoder: VideoCodecContext) -> None:
    # One thread more, as the library would take by itself, only costs: on the cores wait the scaling and the keeping, too.
    decoder.thread_type = "AUTO"
    decoder.thread_count = min(_MOST_THREADS, usable_cores())


def looks_of(path: Path, container: InputContainer, stream: VideoStream) -> Looks:
    """What is the same for all of the clip's frames."""
    codec = stream.codec_context
    return Looks(
        aspect=float(stream.sample_aspect_ratio or codec.sample_aspect_ratio or 1),
        transfer=int(codec.color_trc),
        matte=matte_of(path, stream.index) if "mov" in container.format.name.split(",") else None,
        may_be_unused=unused_alpha(container.format.name, codec.name),
    )


def reason_of(error: Exception) -> str:
    """A decoder's error in a person's words."""
    text = str(getattr(error, "strerror", None) or error)
    if "Invalid data" in text or "Invalid argument" in text:
        return "it is not a video, or damaged where its contents are listed"
    if "End of file" in text:
        return "the file ends too early"
    return text[:1].lower() + text[1:]
