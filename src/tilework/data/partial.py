"""A frame store in the making: pictures go in one by one, and what a journal says is whole survives a kill."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tilework.data import journal
from tilework.data.contract import Item
from tilework.data.growing import GrowingArray
from tilework.data.journal import THUMBS, Commit
from tilework.data.shards import ShardWriter, per_shard, shard_name
from tilework.data.table import COLUMNS, NAMES, TABLE, NamesWriter
from tilework.data.twins import THUMB, difference_hash, grey, thumbnails

COMMIT_SECONDS = 2.0
COMMIT_BYTES = 64 * 2**20
"""So much work is lost at most by a kill; each commit waits for the disk."""
_LOOK_EVERY, _LOOK_BYTES = 64, 4 * 2**20


class Partial:
    """The folder in which a store is made. Opening it again after a kill finds everything up to the last commit.

    `done` is the newest commit (None at the start). `add` takes pictures that are already fitted; `skipped` is what the source
    has left out so far.
    """

    def __init__(self, folder: Path, fingerprint: str, shape: tuple[int, int, int], shard_bytes: int) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        about = {"fingerprint": _digest(fingerprint), "shape": list(shape), "per_shard": per_shard(shape, shard_bytes)}
        self.done = journal.read(folder, about, shape, per_shard(shape, shard_bytes))
        kept = self.done.pictures if self.done else 0
        if self.done is None:
            shutil.rmtree(folder)
            folder.mkdir()
            journal.begin(folder, about)
        self.shards = ShardWriter(folder, shape, shard_bytes, kept=kept)
        _remove_later_shards(folder, len(self.shards.counts))
        self.names = NamesWriter(folder / NAMES, self.done.names_bytes if self.done else 0)
        self._table = GrowingArray(folder / TABLE, "<i8", (len(COLUMNS),), kept)
        self._thumbs = GrowingArray(folder / THUMBS, "|u1", (THUMB, THUMB), kept)
        self._waiting: list[NDArray[np.uint8]] = []
        self._rows: list[list[int]] = []
        self._crc = [0, 0, 0]
        self._since, self._bytes_since = time.monotonic(), 0
        self._skipped_before = list(self.done.skipped) if self.done else []

    @property
    def count(self) -> int:
        """Pictures so far."""
        return self._table.count + len(self._rows)

    def add(self, item: Item, picture: NDArray[np.uint8], skipped: list[tuple[str, str]]) -> None:
        """Append one picture (H, W, C), contiguous; now and then, commit. Raises OSError when the disk is full."""
        self.shards.add(picture)
        self._crc[0] = zlib.crc32(picture.data, self._crc[0])
        exact = hashlib.blake2b(picture.data, digest_size=8).digest()
        names = self.names
        held_out = -1 if item.held_out is None else int(item.held_out)
        row = [names.file(item.file), item.frame, names.group(item.group), names.label(item.label), held_out, 0]
        self._rows.append([*row, int.from_bytes(exact, "little", signed=True)])
        self._waiting.append(picture)
        self._bytes_since += picture.nbytes
        if len(self._waiting) == _LOOK_EVERY or len(self._waiting) * picture.nbytes >= _LOOK_BYTES:
            self._look()
        if self._bytes_since >= COMMIT_BYTES or time.monotonic() - self._since >= COMMIT_SECONDS:
            self.commit(item.file, item.frame, skipped)

    def commit(self, file: str, frame: int, skipped: list[tuple[str, str]]) -> None:
        """Everything so far is on the disk when this returns, and said to be so in the journal."""
        self._look()
        self.shards.sync()
        self._table.sync()
        self._thumbs.sync()
        os.fsync(self.names.sync().fileno())
        crc = (self._crc[0], self._crc[1], self._crc[2], zlib.crc32(self.names.fresh))
        everything = self.skipped(skipped)
        new = everything[len(self._skipped_before) :]
        self.done = Commit(self.count, self.names.nbytes, crc, file, frame, new)
        journal.append(self.folder, self.done)
        self._skipped_before = everything
        self._crc, self.names.fresh = [0, 0, 0], b""
        self._since, self._bytes_since = time.monotonic(), 0

    def skipped(self, now: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """What was left out before an interruption and what the source has left out since, each once."""
        return list(dict.fromkeys([*self._skipped_before, *now]))

    def finish(self) -> None:
        """Complete every file; only the manifest is still missing then."""
        self._look()
        self.shards.close()
        self._table.close()
        self._thumbs.close()
        os.fsync(self.names.sync().fileno())
        self.names.close()

    def write_manifest(self, name: str, manifest: dict[str, Any]) -> None:
        """The manifest, flushed to the disk."""
        with open(self.folder / name, "w", encoding="utf-8") as out:
            json.dump(manifest, out, ensure_ascii=True, indent=1)
            out.flush()
            os.fsync(out.fileno())

    def abandon(self) -> bool:
        """Close all files; whether there is something to go on from. Where there is not, the folder is removed."""
        self.shards.abandon()
        self._table.abandon()
        self._thumbs.abandon()
        with contextlib.suppress(OSError):
            self.names.close()
        if self.done is None:
            shutil.rmtree(self.folder, ignore_errors=True)
        return self.done is not None

    def _look(self) -> None:
        """How the waiting pictures look: their hashes go into their rows, their thumbnails beside them."""
        if not self._waiting:
            return
        luma = grey(np.stack(self._waiting))
        rows = np.array(self._rows, dtype="<i8")
        rows[:, COLUMNS.index("dhash")] = difference_hash(luma).view("<i8")
        thumbs = thumbnails(luma)
        self._table.append(rows)
        self._thumbs.append(thumbs)
        self._crc[1] = zlib.crc32(rows.data, self._crc[1])
        self._crc[2] = zlib.crc32(thumbs.data, self._crc[2])
        self._waiting.clear()
        self._rows.clear()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _remove_later_shards(folder: Path, count: int) -> None:
    while (folder / shard_name(count)).exists():
        (folder / shard_name(count)).unlink()
        count += 1
