"""From a source to its frame store: made once, kept in the cache, published whole or not at all, gone on with after a kill."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from threadpoolctl import threadpool_limits

from tilework.data.contract import Item, SourceConfig
from tilework.data.files.natural import natural_key
from tilework.data.media.fit import fit_image
from tilework.data.store.cache import cannot_hold_frames, cannot_write, is_full
from tilework.data.store.frame_store import FORMAT, MANIFEST, FrameStore, NoMaps, content_hash
from tilework.data.store.journal import Commit
from tilework.data.store.partial import Partial
from tilework.data.store.shards import SHARD_BYTES
from tilework.errors import UserError
from tilework.locks import FileLock
from tilework.spec.disks import lacks_locks
from tilework.spec.paths import cache_folder

FORGOTTEN_SECONDS = 14 * 86400
"""Interrupted preparations that nobody has gone on with for so long are removed when another one begins."""


def prepare(
    source: SourceConfig,
    cache: Path | None = None,
    progress: Callable[[int], None] | None = None,
    *,
    shard_bytes: int = SHARD_BYTES,
) -> FrameStore:
    """The frame store of `source`, from `cache` (default `cache_folder()`) where it is there, else made now.

    It is built in a temporary folder and renamed when whole, under a file lock: a second process waits for the first and
    uses its work. After Ctrl-C, a kill or a full disk the next call goes on after the last image that is safely on the
    disk, and the result is the same. `progress` is called with the number of images done so far. Memory stays at a few
    images however many there are. Raises UserError for input that cannot be used, a full disk, or a folder that cannot be
    written.
    """
    source = source.model_copy()  # items() notes what it skipped; the caller's spec stays as it is
    fingerprint = source.fingerprint()
    home = store_folder(source, fingerprint, cache)
    root = home.parent
    found = _usable(home, fingerprint)
    if found is not None:
        return found
    try:
        root.mkdir(parents=True, exist_ok=True)
        _remove_forgotten(root)
        with _alone(root / f"{home.name}.lock"):
            # Whoever held the lock before may have made it.
            found = _usable(home, fingerprint)
            if found is None:
                _build(source, fingerprint, home, progress, shard_bytes)
                found = FrameStore.open(home)
            return found
    except OSError as error:
        raise cannot_write(root, error) from error


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Within this block no other process prepares the same images."""
    held = FileLock(lock)
    try:
        held.acquire()
    except OSError as error:
        if lacks_locks(error):
            raise cannot_hold_frames(lock.parent, "file locks", error) from error
        raise
    try:
        yield
    finally:
        held.release()


def store_folder(source: SourceConfig, fingerprint: str, cache: Path | None = None) -> Path:
    """Where the store of a source with this fingerprint is, or would be."""
    text = f"{FORMAT} {source.kind} {fingerprint}".encode("utf-8", "surrogateescape")
    return (cache or cache_folder()) / "frames" / f"{source.kind}-{hashlib.sha256(text).hexdigest()[:16]}"


def interrupted(source: SourceConfig, cache: Path | None = None) -> bool:
    """Whether a preparation of `source` was interrupted and would be gone on with."""
    return _partial(store_folder(source, source.fingerprint(), cache)).is_dir()


def _partial(home: Path) -> Path:
    return home.parent / f".{home.name}.partial"


def _usable(home: Path, fingerprint: str) -> FrameStore | None:
    """The finished store in `home`, or None where there is none or it is damaged (it is then made again)."""
    if not home.is_dir():
        return None
    try:
        store = FrameStore.open(home)
    except NoMaps:
        raise  # made again it would lie on the same disk
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
        if left != _partial(home):
            shutil.rmtree(left, ignore_errors=True)
    shape = (source.size.height, source.size.width, int(source.channels))
    partial = Partial(_partial(home), fingerprint, shape, shard_bytes)
    try:
        # The products that look at an image are small: BLAS threads would only take the cores from the decoders.
        with threadpool_limits(1, user_api="blas"):
            _fill(partial, source, progress)
        _complete(partial, source, fingerprint)
        if home.exists():
            _set_aside(home)
        os.replace(partial.folder, home)
    except BaseException as error:
        kept = partial.abandon()
        if isinstance(error, OSError) and is_full(error):
            raise cannot_write(home.parent, error, images_kept=partial.done.images if partial.done else 0) from error
        if not kept:
            shutil.rmtree(partial.folder, ignore_errors=True)
        raise


def _set_aside(home: Path) -> None:
    """Remove a damaged store; by renaming first, so that nobody ever opens half of it."""
    aside = Path(tempfile.mkdtemp(prefix=f".{home.name}.", dir=home.parent))
    os.replace(home, aside / "old")
    shutil.rmtree(aside, ignore_errors=True)


def _remove_forgotten(root: Path) -> None:
    """Interrupted preparations that were left long ago, where nobody is at work on them; their source has changed since."""
    for folder in root.glob(".*.partial"):
        try:
            if time.time() - folder.stat().st_mtime > FORGOTTEN_SECONDS:
                lock = FileLock(root / f"{folder.name[1:].removesuffix('.partial')}.lock")
                if lock.acquire(0):
                    try:
                        shutil.rmtree(folder, ignore_errors=True)
                    finally:
                        lock.release()
        except OSError:
            continue


def _fill(partial: Partial, source: SourceConfig, progress: Callable[[int], None] | None) -> None:
    number = partial.count
    if progress is not None and number:
        progress(number)
    padding = source.padding()
    for item in _reading(source, partial.done):
        name = item.file or f"{item.group} frame {item.frame}"
        image = fit_image(item.pixels, source.size, source.channels, source.fit, padding=padding, name=name)
        partial.add(item, image, source)
        number += 1
        if progress is not None:
            progress(number)
    if number == 0:
        raise UserError(
            f"data.kind={source.kind} gave no image",
            why="the source ended before its first image",
            fix="check what its settings point at",
        )


def _complete(partial: Partial, source: SourceConfig, fingerprint: str) -> None:
    partial.finish()
    labels = partial.names.labels
    manifest = {
        "format": FORMAT,
        "fingerprint": fingerprint,
        "source": source.model_dump(mode="json"),
        "groups_say_all": source.groups_suffice,
        "size": list(source.size),
        "channels": int(source.channels),
        "shards": partial.shards.counts,
        "names_bytes": partial.names.nbytes,
        "labels": labels,
        # In natural order, so that digit 7 is class 7 whichever image came first.
        "classes": sorted(labels, key=natural_key),
        "skipped": partial.skipped(source.unreadable()),
        "seen": asdict(source.seen()),
        "notes": [asdict(note) for note in partial.notes(source.notes())],
        "content_hash": "",
    }
    store = FrameStore(partial.folder, manifest)
    columns = (store.labels, store.groups, store.frames, store.held_out)
    digest = partial.shards.pixels_sha256.hexdigest()
    partial.write_manifest(MANIFEST, manifest | {"content_hash": content_hash(digest, store.shape, columns)})


def _reading(source: SourceConfig, done: Commit | None) -> Iterator[Item]:
    """The items that are still to come, with an OSError of *reading* raised as such and not as a disk that cannot be
    written."""
    try:
        if done is None:
            yield from source.items()
        elif type(source).items_after is SourceConfig.items_after:
            # Counting is safe whatever the source calls its images; they are all decoded again.
            yield from islice(source.items(), done.images, None)
        else:
            yield from source.items_after(done.file, done.frame)
    except OSError as error:
        if is_full(error):
            raise
        raise UserError(
            f"data.kind={source.kind} could not be read to its end",
            why=str(error),
            fix="check the files that its settings point at",
        ) from error
