"""The idx file format of MNIST: a magic number, big-endian sizes, bytes; plain or gzipped."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tilework.errors import UserError


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """The uint8 array in an idx file; `dimensions` is 3 for pictures (N, H, W), 1 for labels (N,).

    Raises UserError where the file is damaged or of another kind.
    """
    try:
        raw = path.read_bytes()
        data = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
        magic, *shape = struct.unpack_from(f">{1 + dimensions}I", data)
        if magic != 0x800 + dimensions:
            raise ValueError(f"it begins with {magic:#010x} where {0x800 + dimensions:#010x} belongs")
        start, expected = 4 * (1 + dimensions), int(np.prod(shape))
        if len(data) - start != expected:
            raise ValueError(f"it holds {len(data) - start:,} values where its header says {expected:,}")
    except (OSError, EOFError, ValueError, struct.error, zlib.error) as error:
        raise UserError(
            f"{path} is not a whole idx file of {'pictures' if dimensions == 3 else 'labels'}",
            why=str(error),
            fix="fetch that file again, or give another folder with data.path=FOLDER",
        ) from None
    return np.frombuffer(data, dtype=np.uint8, offset=start).reshape(shape)
