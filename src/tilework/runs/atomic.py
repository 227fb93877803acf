"""Files that are either the old version or the new one, whole, whatever happens in between."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from pathlib import Path

from tilework.errors import UserError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def atomic_write_bytes(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Replace `path` by `data` in one instant: a reader, or a kill at any moment, meets the old file or the new one.

    Without `sync` a power cut (not a kill) may lose it; for what can be done without, such as an image of the timeline.
    Raises UserError where the disk is full or the folder may not be written; the old file then stands and nothing is left over.
    """
    temp = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temp.open("wb") as file:
            file.write(data)
            file.flush()
            if sync:  # Without this a power cut may keep the rename and lose the bytes.
                os.fsync(file.fileno())
        temp.replace(path)
        if sync:
            fsync_folder(path.parent)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temp.unlink(missing_ok=True)


def atomic_write_text(path: Path, text: str) -> None:
    """`atomic_write_bytes` of UTF-8 text with Unix line ends."""
    atomic_write_bytes(path, text.encode("utf-8"))


def refuse_place(path: Path) -> None:
    """Raise UserError where nothing can be written to `path`, before what is to be written is computed. Leaves nothing behind."""
    folder = path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    probe = folder / f".{secrets.token_hex(8)}.tmp"
    try:
        probe.touch(exist_ok=False)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)


def fsync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut, where the system lets a folder be synced (Windows does not)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems know no fsync of a folder; the rename itself has happened.
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)


def cannot_hold_runs(folder: Path, lacking: str, reason: str) -> UserError:
    """The message where the disk of a run folder lacks what a run needs."""
    return UserError(
        f"runs cannot be kept in {folder.parent.absolute()}: its disk has no {lacking}",
        why=f"a run needs them, and some network drives and shared folders do not have them ({reason})",
        fix="set TILEWORK_RUNS to a folder on a local disk, or give --runs FOLDER",
    )


def write_error(path: Path, error: OSError) -> UserError:
    """The message when `path` could not be written."""
    folder = path.parent
    if error.errno in _FULL:
        return UserError(
            f"{path.name} could not be written: no space left in {folder}",
            why=f"the disk or its quota is full ({error.strerror})",
            fix=f"free some space on the disk of {folder}, then run the same command again",
        )
    if error.errno in _FORBIDDEN:
        return UserError(
            f"{path.name} could not be written: no permission in {folder}",
            why=f"this user may not write there ({error.strerror})",
            fix="set TILEWORK_RUNS to a folder that you may write",
        )
    return UserError(
        f"{path.name} could not be written in {folder}",
        why=error.strerror or str(error),
        fix="see that the folder exists and is on a working disk",
    )
