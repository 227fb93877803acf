"""Whether a Matroska or WebM file is as long as it states: its frames are not counted in its head."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_HEAD, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


def is_cut_off(path: Path) -> bool:
    """Whether the one segment that holds everything ends behind the file's end; False where the file does not give it.

    A recording that was never ended has no length, which is no fault.
    """
    with open(path, "rb") as file:
        if file.read(4) != _HEAD:
            return False
        length = _length(file)
        if length is None:
            return False
        file.seek(length, 1)
        if file.read(4) != _SEGMENT:
            return False
        length = _length(file)
        return length is not None and file.tell() + length > path.stat().st_size


def _length(file: BinaryIO) -> int | None:
    """An EBML length: as many bytes as the first one has leading zero bits, and one; None where all others are ones."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    more = 8 - first[0].bit_length()
    value = int.from_bytes(bytes([first[0] & (0x7F >> more)]) + file.read(more), "big")
    return None if value == (1 << 7 * (more + 1)) - 1 else value
