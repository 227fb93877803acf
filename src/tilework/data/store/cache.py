"""One message for when the folder of prepared images and downloads cannot be written."""

from __future__ import annotations

import errno
from pathlib import Path

from tilework.errors import UserError


def is_full(error: OSError) -> bool:
    """Whether a write failed for want of space (the disk's or the quota's)."""
    return error.errno in {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


def cannot_hold_frames(folder: Path, lacking: str, error: OSError | NotImplementedError) -> UserError:
    """The message where the disk of the cache lacks what prepared images need."""
    return UserError(
        f"prepared images cannot be kept in {folder}: its disk has no {lacking}",
        why=f"some network drives and shared folders do not have them ({getattr(error, 'strerror', None) or error})",
        fix="point TILEWORK_CACHE at a folder on a local disk",
    )


def cannot_write(folder: Path, error: OSError, images_kept: int = 0) -> UserError:
    """A failed write as the person should hear it: which folder, why, and what to do.

    `images_kept` is how many are safe on the disk for a next attempt.
    """
    if is_full(error):
        kept = f"{images_kept:,} images are whole and kept" if images_kept else "nothing half-written was kept"
        return UserError(
            f"no space is left for {folder}",
            why=f"the disk (or your share of it) is full; {kept}",
            fix="free some space and give the same command again: it goes on where it stopped"
            if images_kept
            else "free some space, or point TILEWORK_CACHE at a folder on a larger disk",
        )
    return UserError(
        f"{folder} cannot be written",
        why=error.strerror or str(error),
        fix="point TILEWORK_CACHE at a folder that you may write to",
    )
