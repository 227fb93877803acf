"""A `.npy` file that grows at its end: rows are appended, and its header is written once their count is known."""

from __future__ import annotations

import contextlib
import os
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

_HEADER_BYTES = 128


class GrowingArray:
    """Appends rows of one shape and type (`|u1`, `<i8`) to `path`; the first `kept` rows of an existing file stay.

    Plain writes, not a memory map: a full disk is then an OSError that can be reported, and not a bus error that
    cannot.
    """

    def __init__(self, path: Path, dtype: str, row: tuple[int, ...], kept: int = 0) -> None:
        self.path, self.dtype, self.row, self.count = path, dtype, row, kept
        self.row_bytes = prod(row) * np.dtype(dtype).itemsize
        self._file: BinaryIO = open(path, "r+b" if kept else "w+b")  # noqa: SIM115 - open across calls
        if kept:
            self._file.truncate(bytes_on_disk(kept, dtype, row))
            self._file.seek(0, os.SEEK_END)
        else:
            self._file.write(header(0, dtype, row))

    def append(self, rows: NDArray[Any]) -> None:
        """Append whole rows, given contiguous. Raises OSError when the disk is full."""
        self._file.write(rows.data)
        self.count += rows.nbytes // self.row_bytes

    def sync(self) -> None:
        """Return when everything appended so far would survive a power cut."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Make it a whole `.npy` file."""
        self._file.seek(0)
        self._file.write(header(self.count, self.dtype, self.row))
        self.sync()
        self._file.close()

    def abandon(self) -> None:
        """Close it without completing it."""
        with contextlib.suppress(OSError):  # what is still buffered finds no room either, and is not needed any more
            self._file.close()


def bytes_on_disk(count: int, dtype: str, row: tuple[int, ...]) -> int:
    """Size in bytes of such a file of `count` rows."""
    return _HEADER_BYTES + count * prod(row) * np.dtype(dtype).itemsize


def rows_of(path: Path, dtype: str, row: tuple[int, ...], count: int) -> NDArray[Any]:
    """The first `count` rows of a file that may not be complete, as a read-only map. Raises OSError, ValueError."""
    if count == 0:
        return np.empty((0, *row), dtype)
    return np.memmap(path, dtype=dtype, mode="c", offset=_HEADER_BYTES, shape=(count, *row))


def header(count: int, dtype: str, row: tuple[int, ...]) -> bytes:
    """A version 1.0 `.npy` header of fixed length, so that it can be rewritten once the count is known."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {(count, *row)}, }}"
    room = _HEADER_BYTES - len(npy.magic(1, 0)) - 2
    return npy.magic(1, 0) + room.to_bytes(2, "little") + (text.ljust(room - 1) + "\n").encode("latin1")
