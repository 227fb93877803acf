"""Where prepared pictures and downloads are kept, and one way to say that a folder cannot be written."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from tilework.errors import UserError


def cache_folder() -> Path:
    """`$TILEWORK_CACHE` where it is set, else the platform's cache folder for tilework."""
    chosen = os.environ.get("TILEWORK_CACHE", "").strip()
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "").strip() or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME", "").strip() or str(Path.home() / ".cache")
    return Path(base) / "tilework"


def is_full(error: OSError) -> bool:
    """Whether a write failed for want of space (the disk's or the quota's)."""
    return error.errno in {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


def cannot_write(folder: Path, error: OSError) -> UserError:
    """A failed write as the person should hear it: which folder, why, and what to do."""
    if is_full(error):
        return UserError(
            f"no space is left for {folder}",
            why="the disk (or your share of it) is full; nothing half-written was kept",
            fix="free some space, or point TILEWORK_CACHE at a folder on a larger disk",
        )
    return UserError(
        f"{folder} cannot be written",
        why=error.strerror or str(error),
        fix="point TILEWORK_CACHE at a folder that you may write to",
    )
