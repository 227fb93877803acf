"""The idx file format of MNIST: a magic number, big-endian sizes, bytes; plain or gzipped."""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from tilework.data.media.extensions import irregular, kind_of
from tilework.errors import UserError

_BROKEN = (OSError, EOFError, ValueError, struct.error, zlib.error)


def idx_shape(path: Path) -> tuple[int, ...] | None:
    """The sizes that an idx file of bytes gives at its head: (N, H, W) for images, (N,) for labels; None for any other file.

    Files whose extension is that of something else are not opened.
    """
    try:
        if kind_of(path.name) != "unknown" and path.suffix.lower() != ".gz":
            return None
        about = os.stat(path)
        if (
            irregular(about.st_mode) or not about.st_size
        ):  # files that a system makes up have no size, and some never end
            return None
        with _opened(path) as file:
            head = file.read(4)
            if head[:3] != b"\0\0\x08" or head[3] not in {1, 3}:
                return None
            return struct.unpack(f">{head[3]}I", file.read(4 * head[3]))
    except (*_BROKEN, IndexError):
        return None


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """The uint8 array in an idx file; `dimensions` is 3 for images (N, H, W), 1 for labels (N,).

    Raises UserError where the file is damaged or of another kind.
    """
    try:
        with _opened(path) as file:
            magic, *shape = struct.unpack(f">{1 + dimensions}I", file.read(4 * (1 + dimensions)))
            if magic != 0x800 + dimensions:
                raise ValueError(f"it begins with {magic:#010x} where {0x800 + dimensions:#010x} belongs")
            expected = math.prod(shape)
            data = file.read(expected + 1)  # never more: a small file may unpack to any number of bytes
            if len(data) != expected:
                many = f"{len(data):,}" if len(data) < expected else "more"
                raise ValueError(f"it holds {many} values where its header states {expected:,}")
    except (*_BROKEN, MemoryError, OverflowError) as error:
        raise UserError(
            f"{path} is not a whole idx file of {'images' if dimensions == 3 else 'labels'}",
            why=str(error),
            fix="fetch that file again, or give another folder with data.path=FOLDER",
        ) from None
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)


def _opened(path: Path) -> IO[bytes]:
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(path, "rb")) if packed else open(path, "rb")
