"""A token folder opened for reading: what is known of every item at once, the tokens shard by shard."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tilework.errors import UserError
from tilework.tokens import layouts
from tilework.tokens.manifest import Manifest, ShardFile, read_manifest
from tilework.tokens.shard import Shard, Table

_KEPT_BYTES = 512 * 2**20
"""Codes of shards that were read stay in memory up to so many bytes."""


class Codes:
    """The tokens (N, Q, h, w) of a folder; reads shards when they are asked for and keeps the latest.

    Indexed with a number, a slice or numbers it gives an array; `np.asarray` of it is all of them. Raises UserError for a shard
    that is damaged or holds what are no codes.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self._folder, self._manifest = folder, manifest
        self._storage = layouts.storage(manifest.layout)
        self._kept: OrderedDict[int, NDArray[Any]] = OrderedDict()
        self._starts = np.concatenate([[0], np.cumsum([shard.items for shard in manifest.shards])])
        self.shape: tuple[int, int, int, int] = (manifest.items, *manifest.grid.shape)
        self.dtype = manifest.grid.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, which: int | slice | Sequence[int] | NDArray[Any] | tuple[Any, ...]) -> NDArray[Any]:
        if isinstance(which, tuple):
            first, *rest = which
            found: NDArray[Any] = self[first]
            part: NDArray[Any] = found[tuple(rest)] if found.ndim == 3 else found[(slice(None), *rest)]
            return part
        if isinstance(which, (int, np.integer)):
            one: NDArray[Any] = self.gather(np.array([which]))[0]
            return one
        if isinstance(which, slice):
            return self.gather(np.arange(*which.indices(len(self))))
        chosen = np.asarray(which)
        return self.gather(np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        found = self[:]
        return found if dtype is None else found.astype(dtype)

    def gather(self, indices: NDArray[Any]) -> NDArray[Any]:
        """Tokens of items (B,) in that order -> (B, Q, h, w). Raises IndexError for an item that is not there."""
        indices = np.asarray(indices, dtype=np.int64)
        if len(indices) and not (indices.min() >= -len(self) and indices.max() < len(self)):
            raise IndexError(f"items run from 0 to {len(self) - 1}")
        indices = np.where(indices < 0, indices + len(self), indices)
        out = np.empty((len(indices), *self.shape[1:]), self.dtype)
        where = np.searchsorted(self._starts, indices, side="right") - 1
        for number in np.unique(where):
            here = where == number
            out[here] = self._shard(int(number))[indices[here] - self._starts[number]]
        return out

    def _shard(self, number: int) -> NDArray[Any]:
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        codes = read_shard(self._folder, self._manifest, number, self._storage).codes
        self._kept[number] = codes
        while len(self._kept) > 1 and sum(one.nbytes for one in self._kept.values()) > _KEPT_BYTES:
            self._kept.popitem(last=False)
        return codes


@dataclass(frozen=True)
class Tokens:
    """A complete token folder."""

    folder: Path
    manifest: Manifest

    def __len__(self) -> int:
        return self.manifest.items

    @cached_property
    def codes(self) -> Codes:
        """The tokens, (N, Q, h, w)."""
        return Codes(self.folder, self.manifest)

    @cached_property
    def table(self) -> Table:
        """What is known of every item, with the names of their files, which may be long. Raises UserError for a damaged shard."""
        return Table.of(self._known | self._columns(("files", "mirrored")))

    @property
    def labels(self) -> NDArray[np.int64]:
        """(N,) position among `manifest.classes`, -1 = none."""
        return self._known["labels"]

    @property
    def sides(self) -> NDArray[np.uint8]:
        """(N,) 0 = training, 1 = validation."""
        return self._known["sides"]

    @property
    def groups(self) -> NDArray[np.int64]:
        """(N,) number of the clip."""
        return self._known["groups"]

    @property
    def frames(self) -> NDArray[np.int64]:
        """(N,) number within the clip, -1 for a still."""
        return self._known["frames"]

    @property
    def files(self) -> NDArray[Any]:
        """(N,) name of the file that each came from, as text."""
        return self.table.files

    @cached_property
    def _known(self) -> dict[str, NDArray[Any]]:
        """The columns of numbers: some bytes an item."""
        return self._columns(("labels", "sides", "groups", "frames"))

    def _columns(self, names: Sequence[str]) -> dict[str, NDArray[Any]]:
        storage = layouts.storage(self.manifest.layout)
        found: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
        for shard in self.manifest.shards:
            try:
                for name, column in storage.read_columns(self.folder / shard.file, names).items():
                    _check_column(name, column, shard, self.manifest)
                    found[name].append(column)
            except (OSError, ValueError) as error:
                raise _damaged(self.folder / shard.file, error) from None
        return {name: np.concatenate(columns) for name, columns in found.items()}

    @cached_property
    def loops(self) -> NDArray[np.bool_]:
        """Of each group whether it is a loop: its last frame is followed by its first."""
        loops = np.zeros(self.manifest.images.groups, dtype=np.bool_)
        loops[list(self.manifest.closed_groups)] = True
        return loops

    def verify(self) -> None:
        """Read everything once. Raises UserError for the first shard that is not as it was written."""
        for number in range(len(self.manifest.shards)):
            read_shard(self.folder, self.manifest, number, layouts.storage(self.manifest.layout))


def open_tokens(folder: Path | str) -> Tokens:
    """The tokens in a folder that `tilework encode` wrote.

    Raises UserError for a folder that is none, is not finished, is damaged or cut short, or is of another version.
    """
    folder = Path(folder).expanduser()
    manifest = read_manifest(folder)
    if manifest is None:
        raise _no_tokens(folder)
    if not manifest.complete:
        raise UserError(
            f"{folder} is not finished",
            why=f"its encoding was interrupted, or still goes on: {manifest.items:,} items in {manifest.shard_count:,} "
            "shards are planned",
            fix="give the same `tilework encode` command again: it goes on where it stopped",
        )
    layouts.storage(manifest.layout).check()
    for shard in manifest.shards:
        try:
            size = (folder / shard.file).stat().st_size
        except OSError as error:
            raise _damaged(folder / shard.file, error) from None
        if size != shard.bytes:
            cut = "it was cut short" if size < shard.bytes else "it is longer than it was"
            raise _damaged(folder / shard.file, ValueError(f"{cut}: {size:,} bytes where {shard.bytes:,} belong"))
    return Tokens(folder.absolute(), manifest)


def read_shard(folder: Path, manifest: Manifest, number: int, storage: ModuleType) -> Shard:
    """One shard, checked. Raises UserError where it is damaged, or holds what are no codes."""
    about = manifest.shards[number]
    file = folder / about.file
    try:
        shard: Shard = storage.read(file)
        _check(shard, about, manifest)
        if sha256(file) != about.sha256:
            raise ValueError("its content is not what was written")
    except (OSError, ValueError) as error:
        raise _damaged(file, error) from None
    return shard


def sha256(file: Path) -> str:
    """SHA-256 of a file's content."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _check(shard: Shard, about: ShardFile, manifest: Manifest) -> None:
    wanted, codes = (about.items, *manifest.grid.shape), shard.codes
    if codes.shape != wanted or len(shard.table) != about.items:
        raise ValueError(f"it holds tokens of shape {codes.shape} where {wanted} belong")
    if not np.issubdtype(codes.dtype, np.integer):
        raise ValueError(f"it holds numbers of type {codes.dtype}, which are no codes")
    low, high = int(codes.min()), int(codes.max())
    if low < 0 or high >= manifest.codes:
        raise ValueError(f"it holds tokens from {low} to {high}; the codebook has 0 to {manifest.codes - 1}")


def _check_column(name: str, column: NDArray[Any], about: ShardFile, manifest: Manifest) -> None:
    if column.shape != (about.items,):
        raise ValueError(f"its column {name} has shape {column.shape} where ({about.items},) belongs")
    ends = {
        "labels": (-1, len(manifest.classes) - 1),
        "sides": (0, 1),
        "groups": (0, manifest.images.groups - 1),
        "frames": (-1, 2**63 - 1),
    }.get(name)
    if ends is None:
        return
    if not np.issubdtype(column.dtype, np.integer):
        raise ValueError(f"its column {name} holds {column.dtype}, and no whole numbers")
    low, high = int(column.min()), int(column.max())
    if low < ends[0] or high > ends[1]:
        raise ValueError(f"its column {name} goes from {low} to {high}, outside of {ends[0]} to {ends[1]}")


def _damaged(file: Path, error: Exception) -> UserError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return UserError(
        f"{file} is damaged",
        why=reason.splitlines()[0],
        fix=f"restore it from a copy, or remove {file.parent} and encode the images again",
    )


def _no_tokens(folder: Path) -> UserError:
    if not folder.exists():
        return UserError(f"there is no folder {folder}", why="it does not exist", fix="check the spelling")
    if not folder.is_dir():
        return UserError(
            f"{folder} is a file", why="tokens lie in a folder", fix="name the folder that `tilework encode` wrote"
        )
    empty = not any(folder.iterdir())
    return UserError(
        f"{folder} holds no tokens",
        why="the folder is empty" if empty else "it has no manifest.json",
        fix=f"write some: tilework encode RUN --out {folder}"
        if empty
        else "name the folder that `tilework encode` wrote",
    )
