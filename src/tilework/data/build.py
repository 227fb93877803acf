"""From a source to its frame store: made once, kept in the cache, published whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from filelock import FileLock

from tilework.data.cache import cannot_write, is_full
from tilework.data.contract import Item, SourceConfig
from tilework.data.fit import fit_picture
from tilework.data.natural import natural_key
from tilework.data.shards import SHARD_BYTES, ShardWriter
from tilework.data.store import FORMAT, MANIFEST, THUMBS, FrameStore, content_hash
from tilework.errors import UserError
from tilework.spec.places import cache_folder


def prepare(
    source: SourceConfig,
    cache: Path | None = None,
    progress: Callable[[int], None] | None = None,
    *,
    shard_bytes: int = SHARD_BYTES,
) -> FrameStore:
    """The frame store of `source`, from `cache` (default `cache_folder()`) where it is there, else made now.

    It is built in a temporary folder and renamed when whole, under a file lock: a second process waits for the first and
    uses its work. `progress` is called with the number of pictures done so far. Memory stays at a few pictures however
    many there are. Raises UserError for input that cannot be used, a full disk, or a folder that cannot be written.
    """
    source = source.model_copy()  # items() notes what it skipped; the caller's spec stays as it is
    fingerprint = source.fingerprint()
    key = hashlib.sha256(f"{FORMAT} {source.kind} {fingerprint}".encode()).hexdigest()[:16]
    root = (cache or cache_folder()) / "frames"
    home = root / f"{source.kind}-{key}"
    found = _usable(home, fingerprint)
    if found is not None:
        return found
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / f"{home.name}.lock"):
            # Whoever held the lock before may have made it.
            found = _usable(home, fingerprint)
            if found is None:
                _build(source, fingerprint, home, progress, shard_bytes)
                found = FrameStore.open(home)
            return found
    except OSError as error:
        raise cannot_write(root, error) from error
    except NotImplementedError as error:  # from the lock, on some network drives
        raise UserError(
            f"{root} does not take file locks", why=str(error), fix="point TILEWORK_CACHE at a folder on a local disk"
        ) from error


def _usable(home: Path, fingerprint: str) -> FrameStore | None:
    """The finished store in `home`, or None where there is none or it is damaged (it is then made again)."""
    if not home.is_dir():
        return None
    try:
        store = FrameStore.open(home)
    except UserError:
        return None
    return store if store.fingerprint == fingerprint else None


def _build(
    source: SourceConfig,
    fingerprint: str,
    home: Path,
    progress: Callable[[int], None] | None,
    shard_bytes: int,
) -> None:
    for left in home.parent.glob(f".{home.name}.*"):  # of a process that was killed: we hold the lock, so nobody's now
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{home.name}.", dir=home.parent))
    try:
        _write(source, fingerprint, folder, progress, shard_bytes)
        os.chmod(folder, 0o755)  # mkdtemp makes folders private; a cache may be shared
        if home.exists():
            _set_aside(home)
        os.replace(folder, home)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _set_aside(home: Path) -> None:
    """Remove a damaged store; by renaming first, so that nobody ever opens half of it."""
    aside = Path(tempfile.mkdtemp(prefix=f".{home.name}.", dir=home.parent))
    os.replace(home, aside / "old")
    shutil.rmtree(aside, ignore_errors=True)


def _write(
    source: SourceConfig,
    fingerprint: str,
    folder: Path,
    progress: Callable[[int], None] | None,
    shard_bytes: int,
) -> None:
    shape = (source.size.height, source.size.width, int(source.channels))
    writer = ShardWriter(folder, shape, shard_bytes)
    table = _Table()
    try:
        for number, item in enumerate(_reading(source), 1):
            name = item.file or f"{item.group} frame {item.frame}"
            padding = source.padding()
            writer.add(fit_picture(item.pixels, source.size, source.channels, source.fit, padding=padding, name=name))
            table.add(item)
            if progress is not None:
                progress(number)
        hashes, thumbs = writer.close()
        np.save(folder / THUMBS, thumbs)
    finally:
        writer.abandon()
    if not table.group:
        raise UserError(
            f"data.kind={source.kind} gave no picture",
            why="the source ended before its first picture",
            fix="check what its settings point at",
        )
    classes = table.sort_labels()
    columns = tuple(np.array(c, dtype=np.int64) for c in (table.label, table.group, table.frame, table.held_out))
    manifest = {
        "format": FORMAT,
        "fingerprint": fingerprint,
        "source": source.model_dump(mode="json"),
        "size": list(source.size),
        "channels": int(source.channels),
        "shards": writer.counts,
        "content_hash": content_hash(writer.pixels_sha256.hexdigest(), shape, columns),
        "skipped": source.unreadable(),
        "classes": classes,
        "group_names": list(table.groups),
        "file_names": list(table.files),
        "pictures": {
            "file": table.file,
            "frame": table.frame,
            "group": table.group,
            "label": table.label,
            "held_out": table.held_out,
            "dhash": [f"{int(h):x}" for h in hashes],
        },
    }
    with open(folder / MANIFEST, "w", encoding="utf-8") as out:
        json.dump(manifest, out, ensure_ascii=True, separators=(",", ":"))
        out.flush()
        os.fsync(out.fileno())


def _reading(source: SourceConfig) -> Iterator[Item]:
    """`source.items()`, with an OSError of *reading* told as such and not as a disk that cannot be written."""
    try:
        yield from source.items()
    except OSError as error:
        if is_full(error):
            raise
        raise UserError(
            f"data.kind={source.kind} could not be read to its end",
            why=str(error),
            fix="check the files that its settings point at",
        ) from error


class _Table:
    """What is known of each picture, with names kept once."""

    def __init__(self) -> None:
        self.groups: dict[str, int] = {}
        self.files: dict[str, int] = {}
        self.labels: dict[str, int] = {}
        self.group: list[int] = []
        self.file: list[int] = []
        self.label: list[int] = []
        self.frame: list[int] = []
        self.held_out: list[int] = []

    def add(self, item: Item) -> None:
        self.group.append(self.groups.setdefault(item.group, len(self.groups)))
        self.file.append(self.files.setdefault(item.file, len(self.files)))
        self.label.append(-1 if item.label is None else self.labels.setdefault(item.label, len(self.labels)))
        self.frame.append(item.frame)
        self.held_out.append(-1 if item.held_out is None else int(item.held_out))

    def sort_labels(self) -> list[str]:
        """Number the classes in natural order, so that digit 7 is class 7 whichever picture came first."""
        classes = sorted(self.labels, key=natural_key)
        rank = {self.labels[name]: position for position, name in enumerate(classes)}
        self.label = [rank.get(label, -1) for label in self.label]
        return classes
