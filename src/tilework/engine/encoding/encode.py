"""Encode images shard by shard into a token folder: resumable, with bounded memory, by one process or several."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tilework.data import FrameStore
from tilework.engine.api import Model
from tilework.engine.autoencoder.model import grid_of
from tilework.engine.encoding.clips import Loops, closed, in_clips
from tilework.engine.encoding.origin import Origin
from tilework.engine.encoding.ranks import Alone, Ranks
from tilework.tokens import layouts, writing
from tilework.tokens.manifest import Grid, Images, Manifest, ShardFile
from tilework.tokens.reading import Tokens, open_tokens
from tilework.tokens.shard import Shard, Table

_SHARD_BYTES = 8 * 2**20
_SHARD_ITEMS = 4096
"""What is lost at most when it is interrupted."""
_PIXELS_AT_ONCE = 2**20
Progress = Callable[[int, int], None]
"""Called with how many items of how many are encoded; of several processes, those of this one."""


@dataclass(frozen=True)
class Encoded:
    """A token folder that is complete now."""

    tokens: Tokens
    made: int
    """Shards that were made by this call; 0 where all were there already."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What a token folder will hold: its manifest without shards, and for every item where it is in the store."""

    manifest: Manifest
    positions: NDArray[np.int64]
    table: Table


def at_once(model: Model) -> int:
    """Images of one batch: the same on every machine, for the last bits of a product may depend on it."""
    size = model.spec.data.size  # type: ignore[attr-defined]
    return int(max(1, min(256, _PIXELS_AT_ONCE // (size.height * size.width))))


def plan(
    origin: Origin, *, layout: str = "npz", mirror: bool = False, loops: Loops = "auto", shard_items: int | None = None
) -> Plan:
    """What encoding `origin` will write. Raises UserError for a layout that is not there, or whose extra is not installed."""
    layouts.module(layout).check()
    model, store, split = origin.model, origin.store, origin.split
    size = grid_of(model.spec)
    grid = Grid(model.levels, size.height, size.width, model.codebook_size)
    kept = np.sort(np.concatenate([split.train, split.validation]))
    clip = in_clips(store)
    table = _table(store, kept, split.validation, clip)
    positions, rings, groups = kept, closed(store, clip, kept, loops), int(store.groups.max()) + 1
    if mirror:
        again = Table(table.labels, table.sides, table.groups + groups, table.frames, table.files, ~table.mirrored)
        table, positions = Table.joined([table, again]), np.concatenate([kept, kept])
        rings, groups = [*rings, *(ring + groups for ring in rings)], 2 * groups
    images = Images(
        str(store.source.get("kind", "")), store.content_hash, store.size.width, store.size.height, store.channels,
        mirror, store.classes, groups, tuple(rings),
    )  # fmt: skip
    digest = hashlib.sha256()
    for column in (table.labels, table.sides, table.groups, table.frames):
        digest.update(np.ascontiguousarray(column).tobytes())
    manifest = Manifest(origin.parent, grid, images, layout, shard_items or _usual(model, grid), len(positions), "")
    if hasattr(found := layouts.module(layout), "refuse"):
        found.refuse(manifest, table)
    return Plan(manifest.planned(digest.hexdigest()), positions, table)


def encode(
    origin: Origin,
    folder: Path,
    planned: Plan,
    *,
    ranks: Ranks | None = None,
    progress: Progress | None = None,
    wait: bool = False,
) -> Encoded:
    """Write the token folder, or go on with it: whole shards are kept, and a finished folder is left as it is.

    Every process of `ranks` calls it and makes its share of the shards; the folder is the same however many there are. `wait`:
    another writer is waited for. Raises UserError for a folder that holds something else or is being written, and for a disk
    that is full; whole shards stay then, and nothing else.
    """
    ranks = ranks or Alone()
    manifest = planned.manifest
    with writing.alone(folder, wait=wait) if ranks.main else nullcontext():
        try:
            begun = ranks.shared(writing.begin(folder, manifest) if ranks.main else None)
            if isinstance(begun, Tokens):
                return Encoded(begun, 0)
            mine = [number for number in begun if number % ranks.world == ranks.rank]
            _make(origin, folder, planned, mine, progress)
            own = range(ranks.rank, manifest.shard_count, ranks.world)
            gathered = ranks.gathered({number: writing.about_shard(folder, manifest, number) for number in own})
            shards: dict[int, ShardFile] = {number: about for each in gathered for number, about in each.items()}
            if ranks.main:
                writing.finish(folder, manifest, [shards[number] for number in range(manifest.shard_count)])
            ranks.gathered(None)  # nobody reads it before it is complete
            return Encoded(open_tokens(folder), len(begun))
        except BaseException:
            if ranks.main:
                writing.abandon(folder)
            raise


def _make(origin: Origin, folder: Path, planned: Plan, numbers: list[int], progress: Progress | None) -> None:
    manifest = planned.manifest
    total, done = sum(end - first for first, end in map(manifest.span, numbers)), 0
    for number in numbers:
        first, end = manifest.span(number)
        codes = np.empty((end - first, *manifest.grid.shape), manifest.grid.dtype)
        step = at_once(origin.model)
        for start in range(first, end, step):
            stop = min(end, start + step)
            pixels = origin.store.gather(planned.positions[start:stop])
            mirrored = planned.table.mirrored[start:stop]
            pixels[mirrored] = pixels[mirrored, :, ::-1]
            codes[start - first : stop - first] = origin.model.codes(pixels).cpu().numpy()
            done += stop - start
            if progress is not None:
                progress(done, total)
        writing.write_shard(
            folder, manifest, number, Shard(codes, Table.of(planned.table.part(slice(first, end)).columns))
        )


def _table(store: FrameStore, kept: NDArray[np.int64], validation: NDArray[np.int64], clip: NDArray[np.bool_]) -> Table:
    held_out = np.zeros(store.count, dtype=np.uint8)
    held_out[validation] = 1
    names = np.array([_printable(name) for name in store.file_names] or [""], dtype=object)  # each kept once
    return Table(
        labels=store.labels[kept],
        sides=held_out[kept],
        groups=store.groups[kept],
        frames=np.where(clip, store.frames, -1)[kept],
        files=names[store.file_numbers[kept]],
        mirrored=np.zeros(len(kept), dtype=np.bool_),
    )


def _printable(name: str) -> str:
    """A file's name as text that every format can hold: bytes that are no text become backslashes with numbers."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").replace("\0", "")


def _usual(model: Model, grid: Grid) -> int:
    """Items of a shard: whole batches, some thousands at most, and a bounded number of bytes."""
    step = at_once(model)
    fits = _SHARD_BYTES // (int(np.prod(grid.shape)) * grid.dtype.itemsize)
    return max(step, min(_SHARD_ITEMS, fits) // step * step)
