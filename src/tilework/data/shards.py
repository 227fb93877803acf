"""Writing pictures as `.npy` shards, one picture at a time and in bounded memory."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from tilework.data.twins import THUMB, difference_hash, grey, thumbnails

SHARD_BYTES = 256 * 2**20
_HEADER_BYTES = 128
_LOOK_EVERY = 64


class ShardWriter:
    """Appends pictures (H, W, C) uint8 to numbered shards of at most `shard_bytes` each; `close()` makes them whole.

    Plain writes, not a memory map: a full disk is then an OSError that can be told, and not a bus error that cannot.
    """

    def __init__(self, folder: Path, shape: tuple[int, int, int], shard_bytes: int = SHARD_BYTES) -> None:
        self.folder = folder
        self.shape = shape
        self.per_shard = max(1, shard_bytes // int(np.prod(shape)))
        self.counts: list[int] = []
        self.pixels_sha256 = hashlib.sha256()
        self._file: BinaryIO | None = None
        self._waiting: list[NDArray[np.uint8]] = []
        self._hashes: list[NDArray[np.uint64]] = []
        self._thumbs: list[NDArray[np.uint8]] = []

    def add(self, picture: NDArray[np.uint8]) -> None:
        """Append one picture. Raises OSError when the disk is full."""
        if self._file is None or self.counts[-1] == self.per_shard:
            self._finish_shard()
            self._file = open(self.folder / shard_name(len(self.counts)), "wb")  # noqa: SIM115 - open across calls
            self._file.write(_header(0, self.shape))
            self.counts.append(0)
        data = picture.data
        self._file.write(data)
        self.pixels_sha256.update(data)
        self.counts[-1] += 1
        self._waiting.append(picture)
        if len(self._waiting) == _LOOK_EVERY:
            self._look()

    def close(self) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
        """Complete the last shard; returns the perceptual hash (N,) and the 16 x 16 thumbnail of every picture."""
        self._finish_shard()
        self._look()
        if not self._hashes:
            return np.empty(0, np.uint64), np.empty((0, THUMB, THUMB), np.uint8)
        return np.concatenate(self._hashes), np.concatenate(self._thumbs)

    def abandon(self) -> None:
        """Close the open file without completing it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _look(self) -> None:
        if self._waiting:
            luma = grey(np.stack(self._waiting))
            self._hashes.append(difference_hash(luma))
            self._thumbs.append(thumbnails(luma))
            self._waiting.clear()

    def _finish_shard(self) -> None:
        if self._file is None:
            return
        self._file.seek(0)
        self._file.write(_header(self.counts[-1], self.shape))
        self._file.flush()
        os.fsync(self._file.fileno())  # the rename that publishes the store must not overtake its content
        self._file.close()
        self._file = None


def shard_name(number: int) -> str:
    """File name of shard `number`."""
    return f"frames-{number:04d}.npy"


def shard_bytes_on_disk(count: int, shape: tuple[int, int, int]) -> int:
    """Size in bytes of a shard of `count` pictures."""
    return _HEADER_BYTES + count * int(np.prod(shape))


def _header(count: int, shape: tuple[int, int, int]) -> bytes:
    """A version 1.0 `.npy` header of fixed length, so that it can be rewritten once the count is known."""
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {(count, *shape)}, }}"
    room = _HEADER_BYTES - len(npy.magic(1, 0)) - 2
    return npy.magic(1, 0) + room.to_bytes(2, "little") + (text.ljust(room - 1) + "\n").encode("latin1")
