"""Images with 16 bits in each of several colours, whole: Pillow keeps the upper 8 of them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def is_deep(image: Image.Image) -> bool:
    """Whether an opened image, not loaded yet, has more bits in each of several colours than Pillow keeps."""
    tiles = getattr(image, "tile", None)
    if image.mode.startswith("I") or not tiles or "transparency" in image.info:
        return False
    decoder, args = tiles[0][0], tiles[0][3]
    if image.format == "PPM":
        return image.mode == "RGB" and decoder == "ppm" and int(args[1]) > 255
    return image.format in {"PNG", "TIFF"} and ";16" in str(args[0] if isinstance(args, tuple) else args)


def deep_colours(image: Image.Image, file: Path | io.BytesIO) -> NDArray[np.uint16] | None:
    """All 16 bits of an image of which `is_deep` holds -> (H, W, 2 to 4) uint16; loads the image.

    None where this one cannot be read whole: the upper 8 bits must be those that Pillow reads.
    """
    if image.format == "PPM":
        return _ppm(image, file)
    deep = _by_ffmpeg(file, f"{(image.format or '').lower()}_pipe")
    image.load()
    if deep is None or (image.height, image.width) != deep.shape[:2]:
        return None
    upper = np.asarray(image)
    if upper.ndim == 3 and deep.shape[2] == 2:  # grey with alpha, of which Pillow makes colours
        upper = upper[:, :, [0, 3]]
    return deep if np.array_equal(upper, (deep >> 8).astype(np.uint8)) else None


def _by_ffmpeg(file: Path | io.BytesIO, kind: str) -> NDArray[np.uint16] | None:
    import av

    try:
        with opened(file) as content, av.open(content, "r", format=kind) as container:
            frame = next(container.decode(video=0))
            name = frame.format.name
            count = {"ya16": 2, "rgb48": 3, "rgba64": 4}[name[:-2]]
            plane = frame.planes[0]
            rows = np.frombuffer(memoryview(plane), dtype=">u2" if name.endswith("be") else "<u2")
            rows = rows.reshape(frame.height, plane.line_size // 2)[:, : frame.width * count]
            return rows.reshape(frame.height, frame.width, count).astype(np.uint16)
    except (av.error.FFmpegError, KeyError, StopIteration, ValueError, OSError):
        return None


def _ppm(image: Image.Image, file: Path | io.BytesIO) -> NDArray[np.uint16]:
    offset, size = image.tile[0][2], image.width * image.height * 6  # type: ignore[attr-defined]
    with opened(file) as content:
        content.seek(offset)
        packed = content.read(size)
    if len(packed) < size:
        raise EOFError("the file ends too early")
    return np.frombuffer(packed, dtype=">u2").reshape(image.height, image.width, 3).astype(np.uint16)


def opened(file: Path | io.BytesIO) -> IO[bytes]:
    """The file, or one more over what is in memory."""
    return io.BytesIO(file.getbuffer()) if isinstance(file, io.BytesIO) else open(file, "rb")
