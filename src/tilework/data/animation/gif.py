"""GIF as browsers show it: each frame drawn over what the frame before left, and cleared to transparent, not to a colour.

Pillow unpacks the pixels of each frame; what is laid over what is decided here, since Pillow's own composition fills cleared
places with the file's background colour, which no browser has done for twenty years.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from tilework.data.media.images import MAX_PIXELS, Unreadable

_NOTHING, _KEEP, _CLEAR, _PREVIOUS = range(4)


def is_gif(path: Path) -> bool:
    """Whether the file begins as a GIF does."""
    with open(path, "rb") as file:
        return file.read(6) in {b"GIF87a", b"GIF89a"}


def gif_frames(path: Path) -> Iterator[tuple[Image.Image, float]]:
    """(RGBA image of the whole canvas, milliseconds) of each frame. Raises EOFError or ValueError where the file breaks."""
    with open(path, "rb") as file:
        width, height, flags, _, _ = struct.unpack("<HHBBB", _take(file, 13)[6:])
        palette = _take(file, _palette_bytes(flags))
        control = b""
        canvas: Image.Image | None = None
        while True:
            kind = _take(file, 1)
            if kind == b";":
                return
            if kind == b"!":
                label, blocks = _take(file, 1), _blocks(file)
                if label == b"\xf9" and len(blocks) >= 5:
                    control = blocks[1:5]
            elif kind == b",":
                place = struct.unpack("<HHHHB", _take(file, 9))
                if canvas is None:
                    # Some writers leave the canvas at nothing: then the first frame is the canvas.
                    width, height = width or place[2], height or place[3]
                    if width * height > MAX_PIXELS:
                        raise Unreadable(f"{width}x{height} is more than {MAX_PIXELS // 10**6} million pixels")
                    canvas = Image.new("RGBA", (width, height))
                own = _take(file, _palette_bytes(place[4])) or palette
                tile = _tile(place, own, control, _take(file, 1) + _blocks(file))
                disposal = control[0] >> 2 & 7 if control else _NOTHING
                before = canvas.copy() if disposal == _PREVIOUS else None
                _lay_over(canvas, tile, place)
                yield canvas.copy(), 10.0 * (struct.unpack("<H", control[1:3])[0] if control else 0)
                if disposal == _CLEAR:
                    canvas.paste((0, 0, 0, 0), (place[0], place[1], place[0] + place[2], place[1] + place[3]))
                elif before is not None:
                    canvas = before
                control = b""
            elif kind != b"\0":  # stray zeros between blocks are common and harmless
                raise ValueError(f"a block of unknown kind 0x{kind[0]:02x}")


def _tile(place: tuple[int, ...], palette: bytes, control: bytes, data: bytes) -> Image.Image:
    """One frame's own pixels, by Pillow: a GIF of just this frame."""
    _, _, width, height, flags = place
    if width * height == 0:
        return Image.new("RGBA", (max(1, width), max(1, height)))
    if width * height > MAX_PIXELS:
        raise ValueError(f"it is {width}x{height}")
    if not palette:
        raise ValueError("it has no palette")
    bits = max(0, (len(palette) // 3 - 1).bit_length() - 1)
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80 | bits, 0, 0) + palette
    # Of the control block only transparency matters here.
    see_through = b"!\xf9\x04" + bytes([control[0] & 1, 0, 0, control[3]]) + b"\0" if control else b""
    image = b"," + struct.pack("<HHHHB", 0, 0, width, height, flags & 0x40)
    with Image.open(io.BytesIO(head + see_through + image + data + b";"), formats=("GIF",)) as alone:
        alone.load()
        return alone.convert("RGBA")


def _lay_over(canvas: Image.Image, tile: Image.Image, place: tuple[int, ...]) -> None:
    """Lay a frame over the canvas; what sticks out is cut."""
    width, height = min(place[2], canvas.width - place[0]), min(place[3], canvas.height - place[1])
    if width > 0 and height > 0:
        canvas.alpha_composite(tile.crop((0, 0, width, height)), (place[0], place[1]))


def _palette_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _blocks(file: BinaryIO) -> bytes:
    """A run of data blocks with their lengths, up to and with the empty one that ends it."""
    out = bytearray()
    while True:
        length = _take(file, 1)
        out += length
        if length == b"\0":
            return bytes(out)
        out += _take(file, length[0])


def _take(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise EOFError("the file ends too early")
    return data
