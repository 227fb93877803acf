"""What each file of a folder is: images, a clip, an animation, an array, a table, by its name or its first bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from tilework.data.animation.apng import is_apng
from tilework.data.files.idx import idx_shape
from tilework.data.files.natural import natural_key
from tilework.data.media.extensions import (
    ANIMATIONS,
    CLIPS,
    IMAGES,
    READ,
    begins_as,
    format_of_unknown,
    is_hidden,
    kind_of,
)

VIDEOS = frozenset({".mp4", ".m4v", ".mkv", ".webm", ".mov", ".avi"})
ANIMATED = frozenset({".gif", ".apng"})
ARRAYS = frozenset({".npy", ".npz"})
_TABLES = frozenset({".parquet", ".arrow"})
_MAY_MOVE = frozenset({".png", ".webp"})
_HUB = {"dataset_info.json", "dataset_dict.json"}
_OPENED = 1_000
"""Files whose names do not give their kind are opened to see what they are; of a folder with more, the first ones stand
for all."""


def classes(files: Sequence[Path]) -> list[str]:
    """The class of each file; of those whose names do not give it, as long as not too many have been opened."""
    hub = any(file.name in _HUB for file in files)
    left = moving = _OPENED
    out = []
    for file in files:
        what = class_of(file)
        if not what and (left > 0) and (kind_of(file.name) == "unknown" or file.suffix.lower() == ".gz"):
            left -= 1
            what = "idx files" if idx_shape(file) else class_by_content(file)
        elif what == "images" and moving > 0 and file.suffix.lower() in _MAY_MOVE:
            moving -= 1
            what = "animations" if moves(file) else what
        out.append("" if what == "tables" and file.suffix.lower() == ".arrow" and not hub else what)
    return out


def class_of(file: Path) -> str:
    """The class that the extension of a file gives; empty where it gives none."""
    suffix = file.suffix.lower()
    known = (
        ("videos", VIDEOS), ("animations", ANIMATED), ("arrays", ARRAYS), ("tables", _TABLES), ("images", IMAGES),
    )  # fmt: skip
    return next((what for what, suffixes in known if suffix in suffixes), "")


def class_by_content(file: Path) -> str:
    """The class of a file whose name does not give it, by its first bytes; empty where they do not give it either."""
    begins = format_of_unknown(file)
    if begins in CLIPS:
        return "videos"
    if begins == "NUMPY":
        return "arrays"
    if begins == "GIF" or (begins in ANIMATIONS and moves(file)):
        return "animations"
    return "images" if begins in READ else ""


def moves(path: Path) -> bool:
    """Whether a WebP or PNG states at its beginning that it is animated; nothing else is opened."""
    begins = begins_as(path) if path.suffix.lower() in _MAY_MOVE else format_of_unknown(path)
    try:
        if begins == "WEBP":
            with open(path, "rb") as file:
                head = file.read(21)
            return head[12:16] == b"VP8X" and bool(head[20] & 2)
        return begins == "PNG" and is_apng(path)
    except OSError:
        return False


def may_move(file: Path) -> bool:
    """Whether a file is of a format in which animations are."""
    return file.suffix.lower() in _MAY_MOVE | ANIMATED or format_of_unknown(file) in ANIMATIONS


def files_below(folder: Path) -> Iterator[Path]:
    """All files below a folder that are not hidden, in natural order; links are followed once.

    What cannot be listed is passed over: the source that reads the folder names it.
    """
    seen: set[tuple[int, int]] = set()
    for here, folders, files in os.walk(folder, followlinks=True):
        try:
            about = os.stat(here)
        except OSError:
            continue
        if (about.st_dev, about.st_ino) in seen:
            folders.clear()
            continue
        seen.add((about.st_dev, about.st_ino))
        folders[:] = sorted((f for f in folders if not is_hidden(f)), key=natural_key)
        yield from (Path(here, name) for name in sorted(files, key=natural_key) if not name.startswith("."))


def first_unlisted(folder: Path) -> tuple[str, str] | None:
    """The first folder in or below `folder` that cannot be listed, with the reason; None where all can."""
    found: list[tuple[str, str]] = []

    def note(error: OSError) -> None:
        found.append((str(error.filename), (error.strerror or str(error)).lower()))

    for _ in os.walk(folder, onerror=note):
        if found:
            break
    return found[0] if found else None
