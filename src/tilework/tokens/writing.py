"""A token folder in the making: shards appear whole or not at all, and an interrupted one is gone on with.

The manifest is written first, not complete and without shards; then shard by shard, by as many processes as there are; last the
manifest once more, complete. One writer at a time holds the folder's lock.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from tilework.errors import UserError
from tilework.locks import FileLock
from tilework.spec.disks import lacks_locks
from tilework.tokens import layouts
from tilework.tokens.manifest import MANIFEST, Manifest, ShardFile, read_manifest
from tilework.tokens.reading import Tokens, open_tokens, sha256
from tilework.tokens.shard import Shard

LOCK = ".lock"
_PART = ".part"


@contextmanager
def alone(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Within this block no other process writes the folder, which is made where it is not there; one that stays empty goes.

    Raises UserError where another process writes it (unless `wait`), and where it cannot be written.
    """
    made = _make(folder)
    lock = FileLock(folder / LOCK)
    try:
        taken = lock.acquire(None if wait else 0)
        if taken and not wait and not (folder / LOCK).exists():
            lock.release()  # the one before removed it between our opening and our locking it
            taken = lock.acquire(0)
        if not taken:
            raise UserError(
                f"{folder} is being written by another process",
                why="two that write one folder would spoil it",
                fix="wait until that one has ended, or give another --out",
            )
    except OSError as error:
        if lacks_locks(error):
            raise _cannot_lock(folder, error.strerror or str(error)) from error
        raise write_error(folder, error) from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            empty = set(os.listdir(folder)) <= {LOCK}
            if empty or not wait:  # where others wait for it, the file stays: they hold what they have opened
                (folder / LOCK).unlink(missing_ok=True)
        lock.release()
        for path in reversed(made):  # of what was made here, what is still empty
            with contextlib.suppress(OSError):
                path.rmdir()


def begin(folder: Path, manifest: Manifest) -> Tokens | list[int]:
    """Begin to write, or go on: the tokens where all is done already, else the numbers of the shards that are missing.

    Call it within `alone`. Raises UserError for a folder that holds something else, and where it cannot be written.
    """
    found = read_manifest(folder)
    if found is None:
        others = [name for name in sorted(os.listdir(folder)) if name != LOCK and not _is_part(name)]
        if others:
            raise UserError(
                f"{folder} holds something else ({', '.join(others[:3])}{' ...' if len(others) > 3 else ''})",
                why="tokens go to a folder of their own",
                fix="give another --out, or an empty folder",
            )
    elif found.plan != manifest.plan:
        raise _other_tokens(folder, found, manifest)
    elif found.complete:
        return open_tokens(folder)
    for name in os.listdir(folder):
        if _is_part(name):
            _remove(folder / name)
    if found is None:
        write_whole(folder / MANIFEST, manifest.text().encode())
    extension = layouts.storage(manifest.layout).EXTENSION
    return [number for number in range(manifest.shard_count) if not (folder / shard_name(number, extension)).exists()]


def write_shard(folder: Path, manifest: Manifest, number: int, shard: Shard) -> None:
    """Write one shard, whole or not at all. Raises UserError where there is no space."""
    storage: ModuleType = layouts.storage(manifest.layout)
    write_whole(folder / shard_name(number, storage.EXTENSION), storage.pack(shard))


def about_shard(folder: Path, manifest: Manifest, number: int) -> ShardFile:
    """What the manifest holds of a shard that is written."""
    file = folder / shard_name(number, layouts.storage(manifest.layout).EXTENSION)
    first, end = manifest.span(number)
    try:
        return ShardFile(file.name, end - first, file.stat().st_size, sha256(file))
    except OSError as error:
        raise UserError(
            f"{file} cannot be read", why=error.strerror or str(error), fix="give the same command again"
        ) from None


def finish(folder: Path, manifest: Manifest, shards: Sequence[ShardFile]) -> Tokens:
    """Write what goes beside the shards, and the complete manifest.

    Raises UserError where there is no space, and where shards that other processes wrote are not here.
    """
    lacking = [shard.file for shard in shards if not (folder / shard.file).exists()]
    if lacking:
        raise UserError(
            f"{len(lacking):,} of {len(shards):,} shards are not in {folder}",
            why="processes on other hosts wrote them to a folder of the same name there",
            fix="give an --out that all hosts share, or copy all shards into one folder and give the same command again",
        )
    whole = replace(manifest, shards=tuple(shards), complete=True)
    layout = layouts.module(manifest.layout)
    if hasattr(layout, "export"):
        layout.export(Tokens(folder.absolute(), whole))
    write_whole(folder / MANIFEST, whole.text().encode())
    return open_tokens(folder)


def abandon(folder: Path) -> None:
    """After a failure: a folder without one whole shard goes back to what it was before."""
    with contextlib.suppress(OSError, UserError):
        names = set(os.listdir(folder)) - {LOCK}
        for name in {name for name in names if _is_part(name)}:
            _remove(folder / name)
        if {name for name in names if not _is_part(name)} <= {MANIFEST}:
            (folder / MANIFEST).unlink(missing_ok=True)


def shard_name(number: int, extension: str) -> str:
    """File name of a shard."""
    return f"shard-{number:05d}{extension}"


def write_whole(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Replace `path` by `data` in one instant. Raises UserError where it cannot be written; nothing is left then.

    Without `sync` a power cut (not a kill) may lose it.
    """
    part = part_of(path)
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def part_of(path: Path) -> Path:
    """Where a file or folder is made that will then be called `path`; left over, it is removed by the next writer."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}{_PART}")


def write_error(path: Path, error: OSError) -> UserError:
    """The message when `path` could not be written."""
    folder = path.parent
    if error.errno in {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG}:
        return UserError(
            f"{path.name} could not be written: no space left in {folder}",
            why=f"the disk or its quota is full ({error.strerror}); what was written before is whole",
            fix="free some space and give the same command again: it goes on where it stopped",
        )
    return UserError(
        f"{path} cannot be written",
        why=error.strerror or str(error),
        fix="give an --out that you may write to",
    )


def _make(folder: Path) -> list[Path]:
    """The folders that had to be made, outermost first."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        if folder.exists() and not folder.is_dir():
            raise UserError(
                f"{folder} is a file", why="a folder is to be written", fix="give an --out that is a folder"
            )
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error
    return missing[::-1]


def _is_part(name: str) -> bool:
    return name.startswith(".") and name.endswith(_PART)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _cannot_lock(folder: Path, reason: str) -> UserError:
    return UserError(
        f"tokens cannot be written to {folder}: its disk has no file locks",
        why=f"some network drives and shared folders do not have them ({reason})",
        fix="give an --out on a local disk",
    )


def _other_tokens(folder: Path, there: Manifest, wanted: Manifest) -> UserError:
    """Why the tokens of a folder are not those that are to be written."""
    if there.parent != wanted.parent and (
        (there.parent.encoder_hash, there.decoder_hash, there.codebook_hash)
        != (wanted.parent.encoder_hash, wanted.decoder_hash, wanted.codebook_hash)
    ):
        why = f"they are of {there.parent.run} (step {there.parent.step:,}), and not of {wanted.parent.run} " + (
            f"(step {wanted.parent.step:,})"
        )
    elif there.images != wanted.images:
        why = "they are of other images, or were mirrored or looped differently"
    elif there.layout != wanted.layout:
        why = f"their layout is {there.layout}"
    else:
        why = "they were cut into other shards, or are split differently"
    return UserError(f"{folder} holds other tokens", why=why, fix="give another --out, or remove that folder")
