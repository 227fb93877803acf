"""Animated PNG as browsers show it: each frame put into, or laid over, what the frame before left.

Pillow unpacks the pixels of each frame; what is laid over what is decided here, since Pillow's own composition mixes the alpha
of half transparent frames with that below instead of adding to it.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from tilework.data.media.depth import Depth
from tilework.data.media.images import MAX_PIXELS, Unreadable
from tilework.data.media.profile import to_srgb

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CLEAR, _PREVIOUS = 1, 2
_OVER = 1


def is_apng(path: Path) -> bool:
    """Whether the file is a PNG that states, before its first image, that it is animated."""
    with open(path, "rb") as file:
        if file.read(8) != _SIGNATURE:
            return False
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            if kind in {b"acTL", b"IDAT", b"IEND"}:
                return bool(kind == b"acTL")
            file.seek(length + 4, 1)
    return False


def apng_frames(path: Path) -> Iterator[tuple[Image.Image, float]]:
    """(RGBA image of the whole canvas, milliseconds) of each frame. Raises EOFError or ValueError where the file breaks."""
    canvas: Image.Image | None = None
    for number, (size, place, tile) in enumerate(_tiles(path)):
        x, y, numerator, denominator, disposal, blend = place
        if canvas is None:
            canvas = Image.new("RGBA", size)
        box = (x, y, x + tile.width, y + tile.height)
        if box[2] > canvas.width or box[3] > canvas.height:
            raise ValueError("it sticks out of the image")
        before = canvas.copy() if disposal == _PREVIOUS and number else None
        if blend == _OVER:
            canvas.alpha_composite(tile, (x, y))
        else:
            canvas.paste(tile, (x, y))
        yield canvas.copy(), 1000 * numerator / (denominator or 100)
        if before is not None:
            canvas = before
        elif disposal in {_CLEAR, _PREVIOUS}:  # nothing is previous to the first frame
            canvas.paste((0, 0, 0, 0), box)


def to_rgba(image: Image.Image) -> Image.Image:
    """A Pillow image of any mode as RGBA; 16-bit grey is brought to 8 bits, which Pillow itself would cut off at 255."""
    if image.mode.startswith("I"):
        image = Image.fromarray(Depth().levels(np.asarray(image)))
    return image.convert("RGBA")


def _tiles(path: Path) -> Iterator[tuple[tuple[int, int], tuple[int, ...], Image.Image]]:
    """(size of the canvas, place and timing, RGBA pixels of its own) of each frame.

    An image before the first frame control is for viewers that cannot animate; it is not among them.
    """
    with open(path, "rb") as file:
        file.seek(len(_SIGNATURE))
        kind, head = _chunk(file)
        if kind != b"IHDR" or len(head) != 13:
            raise ValueError("it does not begin with a header")
        width, height = struct.unpack(">II", head[:8])
        if width * height > MAX_PIXELS:
            raise Unreadable(f"{width}x{height} is more than {MAX_PIXELS // 10**6} million pixels")
        shared, control, data = b"", b"", bytearray()
        while True:
            kind, body = _chunk(file)
            if kind in {b"fcTL", b"IEND"}:
                if control:
                    yield (width, height), struct.unpack(">IIHHBB", control[12:26]), _tile(head, shared, control, data)
                if kind == b"IEND":
                    return
                control, data = body, bytearray()
            elif kind == b"IDAT":
                data += body
            elif kind == b"fdAT":
                data += body[4:]
            elif kind != b"acTL" and not control and not data:  # palette, transparency, colour
                shared += _packed(kind, body)


def _tile(head: bytes, shared: bytes, control: bytes, data: bytearray) -> Image.Image:
    """One frame's own pixels, by Pillow: a PNG of just this frame."""
    width, height = struct.unpack(">II", control[4:12])
    if width * height > MAX_PIXELS:
        raise ValueError(f"it is {width}x{height}")
    packed = _SIGNATURE + _packed(b"IHDR", control[4:12] + head[8:]) + shared + _packed(b"IDAT", bytes(data))
    with Image.open(io.BytesIO(packed + _packed(b"IEND", b"")), formats=("PNG",)) as alone:
        alone.load()
        return to_rgba(to_srgb(alone))


def _packed(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _chunk(file: BinaryIO) -> tuple[bytes, bytes]:
    length, kind = struct.unpack(">I4s", _take(file, 8))
    body = _take(file, length)
    if struct.unpack(">I", _take(file, 4))[0] != zlib.crc32(kind + body):
        raise ValueError("its bytes are not what they were")
    return kind, body


def _take(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise EOFError("the file ends too early")
    return data
