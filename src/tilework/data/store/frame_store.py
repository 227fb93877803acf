"""The frame store: every image of a source as uint8 in memory-mapped shards, with a manifest beside them."""

from __future__ import annotations

import hashlib
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tilework.data.contract import Seen
from tilework.data.store.cache import cannot_hold_frames
from tilework.data.store.journal import THUMBS, read_notes
from tilework.data.store.shards import pixels_sha256, shard_bytes_on_disk, shard_name, stored_pixels
from tilework.data.store.table import COLUMNS, NAMES, TABLE, Names, read_manifest, read_names
from tilework.errors import UserError
from tilework.spec import Size
from tilework.spec.disks import lacks_maps

FORMAT = 3
MANIFEST = "manifest.json"


class NoMaps(UserError):
    """The store is whole, and lies on a disk whose files cannot be mapped into memory."""


class FrameStore:
    """N images of one size on disk: `gather` reads any of them, the attributes describe each one.

    Open one with `FrameStore.open(folder)`, make one with `tilework.data.prepare(source)`. Attributes over the images
    are arrays of length N: `labels` (index into `classes`, -1 = none), `groups` (index into `group_names`),
    `file_numbers` (index into `file_names`), `frames` (number within the file or group), `held_out`
    (1 = validation is forced, 0 = training is forced, -1 = free).
    """

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        self.folder = folder
        width, height = manifest["size"]
        self.size: Size = Size(width, height)
        self.channels: int = manifest["channels"]
        self.shard_counts: list[int] = manifest["shards"]
        self.count: int = sum(self.shard_counts)
        self.fingerprint: str = manifest["fingerprint"]
        self.content_hash: str = manifest["content_hash"]
        self.source: dict[str, Any] = manifest["source"]
        self.skipped: list[tuple[str, str]] = [(file, reason) for file, reason in manifest["skipped"]]
        self.seen = _seen(manifest.get("seen", {}))
        self.notes = read_notes(manifest.get("notes", []))
        self.classes: tuple[str, ...] = tuple(manifest["classes"])
        self._names_bytes: int = manifest["names_bytes"]
        self.groups_suffice: bool = manifest["groups_say_all"]
        table = np.load(folder / TABLE, mmap_mode="c")
        if table.shape != (self.count, len(COLUMNS)):
            raise ValueError(f"{TABLE} has shape {table.shape} for {self.count} images")
        column = {name: np.ascontiguousarray(table[:, number]) for number, name in enumerate(COLUMNS)}
        self.groups, self.frames, self.held_out = column["group"], column["frame"], column["held_out"]
        self.hashes: NDArray[np.uint64] = column["dhash"].view(np.uint64)
        self.pixel_hashes: NDArray[np.uint64] = column["pixels"].view(np.uint64)
        self.file_numbers: NDArray[np.int64] = column["file"]
        # The table numbers labels as they came, `classes` are in order; -1 stays -1 by being the last entry.
        rank = {name: number for number, name in enumerate(self.classes)}
        place = np.array([*(rank[name] for name in manifest["labels"]), -1], dtype=np.int64)
        self.labels: NDArray[np.int64] = place[column["label"]]
        self._starts: NDArray[np.int64] = np.concatenate([[0], np.cumsum(self.shard_counts)])

    @classmethod
    def open(cls, folder: Path | str) -> FrameStore:
        """The frame store in `folder`; checks the manifest and the size of every shard (`verify` checks the content).

        Raises UserError where the folder is not a whole frame store of this version.
        """
        folder = Path(folder)
        try:
            manifest = read_manifest(folder / MANIFEST)
            if manifest["format"] != FORMAT:
                raise ValueError(f"it has format {manifest['format']}, this version of tilework reads format {FORMAT}")
            store = cls(folder, manifest)
            if not (folder / THUMBS).is_file():
                raise ValueError(f"{THUMBS} is missing")
            if (folder / NAMES).stat().st_size != store._names_bytes:
                raise ValueError(f"{NAMES} has not its size")
            for number, count in enumerate(store.shard_counts):
                path = folder / shard_name(number)
                expected = shard_bytes_on_disk(count, store.shape)
                if path.stat().st_size != expected:
                    raise ValueError(f"{path.name} has {path.stat().st_size} bytes where {expected} belong")
            _ = store.shards, store.thumbs
        except OSError as error:
            if lacks_maps(error):
                problem = cannot_hold_frames(folder.parent, "memory maps", error)
                raise NoMaps(problem.what, why=problem.why, fix=problem.fix) from error
            raise _not_whole(folder, str(error)) from None
        except (ValueError, KeyError, IndexError, TypeError) as error:
            reason = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
            raise _not_whole(folder, reason) from None
        return store

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of one image."""
        return (self.size.height, self.size.width, self.channels)

    @property
    def nbytes(self) -> int:
        """Bytes of all images."""
        return self.count * int(np.prod(self.shape))

    def __len__(self) -> int:
        return self.count

    @cached_property
    def _names(self) -> Names:
        return read_names(self.folder / NAMES, self._names_bytes)

    @property
    def group_names(self) -> list[str]:
        """Names of the groups; `groups` holds positions in it."""
        return self._names.group

    @property
    def file_names(self) -> list[str]:
        """Names of the files that the images came from, in their order."""
        return self._names.file

    def file_of(self, index: int) -> str:
        """Name of the file that image `index` came from; empty for drawn images."""
        return self.file_names[int(self.file_numbers[index])]

    @cached_property
    def shards(self) -> list[NDArray[np.uint8]]:
        """The memory-mapped shards, each (n, H, W, C)."""
        # Copy-on-write: torch refuses to wrap a read-only array quietly, and nobody's write may ever reach the disk.
        return [np.load(self.folder / shard_name(n), mmap_mode="c") for n in range(len(self.shard_counts))]

    @cached_property
    def thumbs(self) -> NDArray[np.uint8]:
        """Grey thumbnails (N, 16, 16) of all images."""
        thumbs: NDArray[np.uint8] = np.load(self.folder / THUMBS, mmap_mode="c")
        return thumbs

    def gather(self, indices: NDArray[np.int64], out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """Images `indices` (B,) in that order -> (B, H, W, C) uint8, into `out` where it is given.

        Reads run through each shard in ascending order, so that a cold disk sees no seeking back. Raises IndexError for
        an index outside 0..N-1.
        """
        indices = np.asarray(indices, dtype=np.int64)
        if len(indices) and not (indices.min() >= 0 and indices.max() < self.count):
            raise IndexError(f"image indices run from 0 to {self.count - 1}")
        if out is None:
            out = np.empty((len(indices), *self.shape), dtype=np.uint8)
        if len(self.shards) == 1:
            # mode="clip" only means that there is nothing to check any more: "raise" would copy `out` first.
            return self.shards[0].take(indices, axis=0, out=out, mode="clip")
        order = np.argsort(indices, kind="stable")
        ascending = indices[order]
        cuts = np.searchsorted(ascending, self._starts)
        for number, (low, high) in enumerate(pairwise(cuts)):
            if high > low:
                out[order[low:high]] = self.shards[number][ascending[low:high] - self._starts[number]]
        return out

    def verify(self) -> None:
        """Recompute the content hash over all images. Raises UserError where the content has changed."""
        pixels = pixels_sha256(stored_pixels(self.folder, self.shape, self.shard_counts))
        columns = (self.labels, self.groups, self.frames, self.held_out)
        if content_hash(pixels.hexdigest(), self.shape, columns) != self.content_hash:
            raise UserError(
                f"{self.folder} is damaged",
                why="its images differ from those that were prepared",
                fix="delete that folder; the next run makes it again",
            )


def _seen(raw: dict[str, Any]) -> Seen:
    depth = raw.get("unused_depth")
    return Seen(
        dict(raw.get("parts", {})),
        tuple(raw.get("beside", ())),
        dict(raw.get("others", {})),
        None if depth is None else (int(depth[0]), int(depth[1])),
        int(raw.get("loose", 0)),
        dict(raw.get("one_sided", {})),
        tuple(raw.get("empty", ())),
    )


def _not_whole(folder: Path, reason: str) -> UserError:
    return UserError(
        f"{folder} is not a whole frame store", why=reason, fix="delete that folder; the next run makes it again"
    )


def content_hash(pixels: str, shape: tuple[int, int, int], columns: tuple[NDArray[np.int64], ...]) -> str:
    """One SHA-256 over the pixels (given as `pixels_sha256`), the shape, and labels, groups, frames and held_out."""
    total = hashlib.sha256(f"{pixels} {shape}".encode())
    for column in columns:
        total.update(np.ascontiguousarray(column, dtype="<i8").tobytes())
    return total.hexdigest()
