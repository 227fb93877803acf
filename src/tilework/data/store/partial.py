"""A frame store in the making: images go in one by one, and what a journal lists as whole survives a kill."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import time
import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tilework.data.contract import Item, Note, SourceConfig
from tilework.data.media.twins import THUMB, look
from tilework.data.store import journal
from tilework.data.store.growing import GrowingArray
from tilework.data.store.journal import THUMBS, Commit
from tilework.data.store.shards import ShardWriter, per_shard, shard_name
from tilework.data.store.table import COLUMNS, NAMES, TABLE, NamesWriter

COMMIT_SECONDS = 2.0
COMMIT_BYTES = 16 * 2**20
"""So much work is lost at most by a kill, and what waits behind it; each commit waits for the disk."""
_TOGETHER, _TOGETHER_BYTES = 64, 4 * 2**20
_WAITING = 2


class Partial:
    """The folder in which a store is made. Opening it again after a kill finds everything up to the last commit.

    `done` is the newest commit (None at the start). `add` takes images that are already fitted, from a `source` that
    lists what it has left out and noted so far. A thread of its own hashes, looks at and writes them, a parcel at a
    time and in order, while the caller decodes the next; what goes wrong there is raised by the next call.
    """

    def __init__(self, folder: Path, fingerprint: str, shape: tuple[int, int, int], shard_bytes: int) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        about = {"fingerprint": _digest(fingerprint), "shape": list(shape), "per_shard": per_shard(shape, shard_bytes)}
        self.done = journal.read(folder, about, shape, per_shard(shape, shard_bytes))
        kept = self.done.images if self.done else 0
        if self.done is None:
            shutil.rmtree(folder)
            folder.mkdir()
            journal.begin(folder, about)
        self.shards = ShardWriter(folder, shape, shard_bytes, kept=kept)
        _remove_later_shards(folder, len(self.shards.counts))
        self.names = NamesWriter(folder / NAMES, self.done.names_bytes if self.done else 0)
        self._table = GrowingArray(folder / TABLE, "<i8", (len(COLUMNS),), kept)
        self._thumbs = GrowingArray(folder / THUMBS, "|u1", (THUMB, THUMB), kept)
        self._crc = [0, 0, 0]
        self._skipped_before = list(self.done.skipped) if self.done else []
        self._notes_before = list(self.done.notes) if self.done else []
        self._parcel = Parcel()
        self._added, self._since, self._bytes_since = kept, time.monotonic(), 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tilework-keep")
        self._handed: deque[Future[None]] = deque()
        self._broken = False

    @property
    def count(self) -> int:
        """Images so far."""
        return self._added

    def add(self, item: Item, image: NDArray[np.uint8], source: SourceConfig) -> None:
        """Append one image (H, W, C), contiguous; now and then, commit. Raises OSError when the disk is full."""
        parcel = self._parcel
        held_out = -1 if item.held_out is None else int(item.held_out)
        parcel.known.append((item.file, item.frame, item.group, item.label, held_out))
        parcel.images.append(image)
        self._added += 1
        self._bytes_since += image.nbytes
        whole = self._bytes_since >= COMMIT_BYTES or time.monotonic() - self._since >= COMMIT_SECONDS
        if whole or len(parcel.images) == _TOGETHER or len(parcel.images) * image.nbytes >= _TOGETHER_BYTES:
            parcel.skipped, parcel.notes = source.unreadable(), source.notes()
            self._hand_over(commit=whole)

    def _hand_over(self, commit: bool) -> None:
        while len(self._handed) >= _WAITING or (self._handed and self._handed[0].done()):
            self._handed.popleft().result()
        self._handed.append(self._thread.submit(self._keep, self._parcel, commit))
        self._parcel = Parcel()
        if commit:
            self._since, self._bytes_since = time.monotonic(), 0

    def _keep(self, parcel: Parcel, commit: bool) -> None:
        """In the thread: a parcel into the files; behind one that failed, nothing more."""
        if self._broken:
            return
        self._broken = True
        self._write(parcel)
        if commit:
            self._commit(parcel)
        self._broken = False

    def _commit(self, parcel: Parcel) -> None:
        """Everything so far is on the disk when this returns, and listed as such in the journal."""
        self.shards.sync()
        self._table.sync()
        self._thumbs.sync()
        os.fsync(self.names.sync().fileno())
        crc = (self._crc[0], self._crc[1], self._crc[2], zlib.crc32(self.names.fresh))
        skipped, notes = self.skipped(parcel.skipped), self.notes(parcel.notes)
        new = skipped[len(self._skipped_before) :], notes[len(self._notes_before) :]
        file, frame = parcel.known[-1][:2]
        self.done = Commit(self._table.count, self.names.nbytes, crc, file, frame, *new)
        journal.append(self.folder, self.done)
        self._skipped_before, self._notes_before = skipped, notes
        self._crc, self.names.fresh = [0, 0, 0], b""

    def skipped(self, now: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """What was left out before an interruption and what the source has left out since, each once."""
        return list(dict.fromkeys([*self._skipped_before, *now]))

    def notes(self, now: list[Note]) -> list[Note]:
        """The same of what is worth knowing."""
        return list(dict.fromkeys([*self._notes_before, *now]))

    def finish(self) -> None:
        """Complete every file; only the manifest is still missing then."""
        if self._parcel.images:
            self._hand_over(commit=False)
        while self._handed:
            self._handed.popleft().result()
        self._thread.shutdown()
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
        self._thread.shutdown()  # what was handed over is still kept
        self.shards.abandon()
        self._table.abandon()
        self._thumbs.abandon()
        with contextlib.suppress(OSError):
            self.names.close()
        if self.done is None:
            shutil.rmtree(self.folder, ignore_errors=True)
        return self.done is not None

    def _write(self, parcel: Parcel) -> None:
        """The images, and what is known of them: their rows with the hashes, their names, their thumbnails."""
        names, rows = self.names, []
        for (file, frame, group, label, held_out), image in zip(parcel.known, parcel.images, strict=True):
            exact = self.shards.add(image)
            self._crc[0] = zlib.crc32(image.data, self._crc[0])
            row = [names.file(file), frame, names.group(group), names.label(label), held_out, 0]
            rows.append([*row, int.from_bytes(exact[:8], "little", signed=True)])
        hashes, thumbs = look(np.stack(parcel.images))
        table = np.array(rows, dtype="<i8")
        table[:, COLUMNS.index("dhash")] = hashes.view("<i8")
        self._table.append(table)
        self._thumbs.append(thumbs)
        self._crc[1] = zlib.crc32(table.data, self._crc[1])
        self._crc[2] = zlib.crc32(thumbs.data, self._crc[2])


@dataclass
class Parcel:
    """Images that are kept together, with (file, frame, group, label, held_out) of each."""

    images: list[NDArray[np.uint8]] = field(default_factory=list)
    known: list[tuple[str, int, str, str | None, int]] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    """What the source had left out when the last of them came."""
    notes: list[Note] = field(default_factory=list)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _remove_later_shards(folder: Path, count: int) -> None:
    while (folder / shard_name(count)).exists():
        (folder / shard_name(count)).unlink()
        count += 1
