"""The journal of a preparation: up to which image everything is whole on the disk, so that a killed one goes on from there."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tilework.data.contract import Note
from tilework.data.media.twins import THUMB
from tilework.data.store.growing import rows_of
from tilework.data.store.shards import shard_counts, shard_name
from tilework.data.store.table import COLUMNS, NAMES, TABLE

JOURNAL = "journal.jsonl"
THUMBS = "thumbs.npy"


@dataclass(frozen=True)
class Commit:
    """Everything up to image number `images` is whole; `crc` is over what was added since the commit before."""

    images: int
    names_bytes: int
    crc: tuple[int, int, int, int]
    """CRC-32 of pixels, rows, thumbnails, names."""
    file: str
    frame: int
    """Where the last image came from."""
    skipped: list[tuple[str, str]]
    """(file, reason) of what the source left out up to here; only in the newest commit is it complete."""
    notes: list[Note] = field(default_factory=list)
    """What the source noted, in the same way."""


def begin(folder: Path, about: dict[str, Any]) -> None:
    """Start a journal; `about` describes what is being made."""
    (folder / JOURNAL).write_text(json.dumps(about) + "\n", encoding="utf-8")


def append(folder: Path, commit: Commit) -> None:
    """Write a commit down for good. Raises OSError when the disk is full."""
    with open(folder / JOURNAL, "ab") as out:
        out.write(json.dumps(asdict(commit)).encode() + b"\n")
        out.flush()
        os.fsync(out.fileno())


def read(folder: Path, about: dict[str, Any], shape: tuple[int, int, int], per_shard: int) -> Commit | None:
    """The newest commit whose content, and that of all before it, is on the disk as it was written; None where there is none."""
    try:
        first, *lines = (folder / JOURNAL).read_bytes().split(b"\n")[:-1]
        if json.loads(first) != about:
            return None
    except (OSError, ValueError):
        return None
    good: Commit | None = None
    for line in lines:
        try:
            entry = json.loads(line)
            skipped, notes = [tuple(one) for one in entry["skipped"]], read_notes(entry.get("notes", []))
            commit = Commit(**{**entry, "crc": tuple(entry["crc"]), "skipped": skipped, "notes": notes})
            if tuple(_crcs(folder, good, commit, shape, per_shard)) != commit.crc:
                break
        except (OSError, ValueError, TypeError, KeyError):
            break
        if good is not None:
            commit = replace(commit, skipped=good.skipped + commit.skipped, notes=good.notes + commit.notes)
        good = commit
    return good


def read_notes(kept: list[dict[str, Any]]) -> list[Note]:
    """Notes as `asdict` and JSON made them."""
    return [Note(one["file"], one["kind"], tuple(one["values"])) for one in kept]


def _crcs(
    folder: Path, before: Commit | None, commit: Commit, shape: tuple[int, int, int], per_shard: int
) -> Iterator[int]:
    low, high = (before.images if before else 0), commit.images
    counts = shard_counts(high, per_shard)
    crc = 0
    for number, count in enumerate(counts):
        start = number * per_shard
        if start + count > low:
            shard = rows_of(folder / shard_name(number), "|u1", shape, count)
            crc = _crc(shard[max(0, low - start) :], crc)
    yield crc
    yield _crc(rows_of(folder / TABLE, "<i8", (len(COLUMNS),), high)[low:])
    yield _crc(rows_of(folder / THUMBS, "|u1", (THUMB, THUMB), high)[low:])
    with open(folder / NAMES, "rb") as file:
        names_low = before.names_bytes if before else 0
        file.seek(names_low)
        yield zlib.crc32(file.read(commit.names_bytes - names_low))


def _crc(rows: np.ndarray[Any, Any], crc: int = 0) -> int:
    step = max(1, 2**24 // max(1, int(np.prod(rows.shape[1:]))))
    for start in range(0, len(rows), step):
        crc = zlib.crc32(np.ascontiguousarray(rows[start : start + step]).data, crc)
    return crc
