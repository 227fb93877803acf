"""Images in numbered `.npy` files (shards) of bounded size, one image at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tilework.data.store.growing import GrowingArray, bytes_on_disk, rows_of

SHARD_BYTES = 256 * 2**20
_PIXEL = "|u1"
_READ_BYTES = 2**24


class ShardWriter:
    """Appends images (H, W, C) uint8 to numbered shards of at most `shard_bytes` each; `close()` makes them whole.

    With `kept`, the first so many images are there already (from a preparation that was interrupted) and stay.
    """

    def __init__(
        self, folder: Path, shape: tuple[int, int, int], shard_bytes: int = SHARD_BYTES, *, kept: int = 0
    ) -> None:
        self.folder, self.shape = folder, shape
        self.per_shard = per_shard(shape, shard_bytes)
        self.counts = shard_counts(kept, self.per_shard)
        self.pixels_sha256 = pixels_sha256(stored_pixels(folder, shape, self.counts))
        self._open: GrowingArray | None = None
        if kept:
            self._open = GrowingArray(folder / shard_name(len(self.counts) - 1), _PIXEL, shape, self.counts[-1])

    def add(self, image: NDArray[np.uint8]) -> bytes:
        """Append one image; its SHA-256. Raises OSError when the disk is full."""
        if self._open is None or self.counts[-1] == self.per_shard:
            if self._open is not None:
                self._open.close()
            self._open = GrowingArray(self.folder / shard_name(len(self.counts)), _PIXEL, self.shape)
            self.counts.append(0)
        self._open.append(image)
        digest = hashlib.sha256(image.data).digest()
        self.pixels_sha256.update(digest)
        self.counts[-1] += 1
        return digest

    def sync(self) -> None:
        """Return when all images so far would survive a power cut."""
        if self._open is not None:
            self._open.sync()

    def close(self) -> None:
        """Make the last shard whole."""
        if self._open is not None:
            self._open.close()

    def abandon(self) -> None:
        """Close the open file without completing it."""
        if self._open is not None:
            self._open.abandon()


def pixels_sha256(parts: Iterable[NDArray[np.uint8]]) -> hashlib._Hash:
    """SHA-256 over the SHA-256 of every image in turn: one pass over the pixels gives that of each and that of all."""
    total = hashlib.sha256()
    for part in parts:
        for image in part:
            total.update(hashlib.sha256(image.data).digest())
    return total


def per_shard(shape: tuple[int, int, int], shard_bytes: int) -> int:
    """Images in a full shard."""
    return max(1, shard_bytes // int(np.prod(shape)))


def shard_counts(images: int, per_shard: int) -> list[int]:
    """Images in each shard: full ones and the rest."""
    full, rest = divmod(images, per_shard)
    return [per_shard] * full + [rest] * (rest > 0)


def stored_pixels(folder: Path, shape: tuple[int, int, int], counts: list[int]) -> Iterator[NDArray[np.uint8]]:
    """The images of all shards in order, some megabytes at a time, also of shards that are not complete yet."""
    step = max(1, _READ_BYTES // int(np.prod(shape)))
    for number, count in enumerate(counts):
        shard = rows_of(folder / shard_name(number), _PIXEL, shape, count)
        for start in range(0, count, step):
            yield np.array(shard[start : start + step])


def shard_name(number: int) -> str:
    """File name of shard `number`."""
    return f"frames-{number:04d}.npy"


def shard_bytes_on_disk(count: int, shape: tuple[int, int, int]) -> int:
    """Size in bytes of a shard of `count` images."""
    return bytes_on_disk(count, _PIXEL, shape)
