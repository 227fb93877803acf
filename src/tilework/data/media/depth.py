"""Values of more than 8 bits: what range they really use, and their 8-bit levels."""

from __future__ import annotations

import io
import struct
import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tilework.data.media.deep import opened

_WHOLE = 65535
_USUAL = (8, 10, 12, 14)
"""Bits of sensors whose values are often stored in 16 without being scaled."""
_BITS_PER_SAMPLE, _PHOTOMETRIC, _MAX_SAMPLE = 258, 262, 281


class TooDeep(ValueError):
    """Values that are larger than the depth that was asked for; the message is the reason."""


class Depth:
    """How deep files are read: `bits` as a person set it, else as each file gives it, else 16.

    It notes the largest value of the files that give none, so that a set of 12-bit values in 16-bit files is not taken
    for a very dark one with no error message. Safe to use from several threads.
    """

    def __init__(self, bits: int | None = None) -> None:
        self.bits = bits
        self.files = 0
        self._largest = 0
        self._lock = threading.Lock()

    def unused(self) -> int | None:
        """The bits that would have been enough for all files, where that is a usual depth below 16; else None."""
        if not self.files or not self._largest:
            return None
        return next((bits for bits in _USUAL if self._largest < 2**bits), None)

    def levels(self, values: NDArray[np.generic], top: int | None = None) -> NDArray[np.uint8]:
        """Whole numbers 0..65535 -> levels 0..255, rounded to the nearest; `top` is what the file gives as white.

        Raises TooDeep for values that are larger than that or than `bits` hold, or negative.
        """
        low, high = int(values.min()), int(values.max())
        if top is None and self.bits is None:
            with self._lock:
                self.files += 1
                self._largest = max(self._largest, high)
        white = top or (2**self.bits - 1 if self.bits else _WHOLE)
        if low < 0 or high > white:
            if white == _WHOLE:
                raise TooDeep("its integer pixels are outside 0..65535")
            limit = (
                f"the file gives white as {white:,}" if top else f"data.depth={self.bits} means that white is {white:,}"
            )
            raise TooDeep(f"it has the value {high if high > white else low:,}, and {limit}")
        if white == 255:
            return values.astype(np.uint8)
        out = np.empty(values.shape, dtype=np.uint8)
        step = max(1, 2**22 // max(1, values[:1].size))
        for start in range(
            0, len(values), step
        ):  # in parts: an image of 100 million pixels has 800 MB in 64-bit numbers
            part = values[start : start + step].astype(np.uint32)
            out[start : start + step] = (part * 255 + white // 2) // white
        return out


def white_of(image: Image.Image, file: Path | io.BytesIO, values: NDArray[np.generic]) -> int | None:
    """The value that an image of more than 8 bits itself gives as white; None where it gives none."""
    if image.format == "JPEG2000":  # unpacked to all 16 bits
        return _WHOLE
    if image.format == "TIFF":
        tags = image.tag_v2  # type: ignore[attr-defined]
        bits = tags.get(_BITS_PER_SAMPLE, (16,))[0]
        tagged = tags.get(_MAX_SAMPLE, ())
        largest = int(max(tagged)) if isinstance(tagged, tuple) and tagged else int(tagged or 0)
        if 8 < bits < 16:
            return int(2**bits - 1)
        # Some writers put an image's own largest value there, which does not show what is white.
        return (
            largest if 255 <= largest < _WHOLE and (largest + 1).bit_count() == 1 and values.max() <= largest else None
        )
    return _significant(file, values) if image.format == "PNG" else None


def is_inverted(image: Image.Image) -> bool:
    """Whether 0 is white in a 16-bit TIFF; Pillow turns that round for 8 bits only."""
    return image.format == "TIFF" and image.tag_v2.get(_PHOTOMETRIC) == 0  # type: ignore[attr-defined]


def _significant(file: Path | io.BytesIO, values: NDArray[np.generic]) -> int | None:
    """White by a PNG's sBIT.

    The standard wants values scaled to all 16 bits, by shifting or by repeating the upper bits; many writers leave them as they
    were. The lower bits distinguish both.
    """
    bits = _sbit(file)
    if bits is None or not 8 <= bits < 16 or int(values.max()) >= 2**bits:
        return None if bits is None else _WHOLE
    upper = values.astype(np.uint32) >> (16 - bits)
    shifted = upper << (16 - bits)
    as_standard = np.array_equal(values, shifted) or np.array_equal(values, shifted | (upper >> (2 * bits - 16)))
    return _WHOLE if as_standard else 2**bits - 1


def _sbit(file: Path | io.BytesIO) -> int | None:
    """The most significant bits that a PNG gives for any of its channels."""
    with opened(file) as content:
        content.seek(8)
        while len(head := content.read(8)) == 8:
            length, name = struct.unpack(">I4s", head)
            if name == b"sBIT" and 1 <= length <= 4:
                return max(content.read(length))
            if name in {b"IDAT", b"IEND"}:
                return None
            content.seek(length + 4, 1)
    return None
