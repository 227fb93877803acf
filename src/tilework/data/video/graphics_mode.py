"""What a QuickTime file states of its alpha: colours of their own, or already laid over black or white."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_MATTES = {0x101: (255, 255, 255), 0x102: (0, 0, 0)}
_LEVELS = (b"moov", b"trak", b"mdia", b"minf", b"vmhd")


def matte_of(path: Path, track: int) -> tuple[int, int, int] | None:
    """The colour that the frames of a track (its number, from 0 among all) have been laid over; None: alpha is straight.

    QuickTime's graphics modes 0x101 and 0x102 mean "premultiplied with white" and "with black"; the decoder's library
    does not pass them on. A file whose boxes cannot be followed gives none.
    """
    try:
        with open(path, "rb") as file:
            for start, end in _boxes(file, 0, path.stat().st_size, b"moov"):
                for number, (low, high) in enumerate(_boxes(file, start, end, b"trak")):
                    if number == track:
                        return _MATTES.get(_graphics_mode(file, low, high))
    except (OSError, struct.error):
        pass
    return None


def _graphics_mode(file: BinaryIO, start: int, end: int, level: int = 2) -> int:
    for low, high in _boxes(file, start, end, _LEVELS[level]):
        if level + 1 < len(_LEVELS):
            return _graphics_mode(file, low, high, level + 1)
        file.seek(low + 4)  # behind the version and the flags
        return int(struct.unpack(">H", file.read(2))[0])
    return 0


def _boxes(file: BinaryIO, start: int, end: int, name: bytes) -> Iterator[tuple[int, int]]:
    """Where the contents of each box of that name lie between two places of the file."""
    while start + 8 <= end:
        file.seek(start)
        size, kind = struct.unpack(">I4s", file.read(8))
        head = 8
        if size == 1:
            size, head = struct.unpack(">Q", file.read(8))[0], 16
        elif size == 0:  # to the end of what is around it
            size = end - start
        if size < head:
            return
        if kind == name:
            yield start + head, min(start + size, end)
        start += size
