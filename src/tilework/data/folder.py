"""The picture files of a folder, in natural order, with links followed once and never in a circle."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tilework.data.natural import natural_key
from tilework.errors import UserError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})


@dataclass(frozen=True)
class PictureFile:
    """One file; `name` is its path below the folder with forward slashes."""

    path: Path
    name: str
    bytes: int
    modified_ns: int

    @property
    def first_folder(self) -> str | None:
        """The first-level folder that it lies in, or None at the top."""
        head, slash, _ = self.name.partition("/")
        return head if slash else None

    @property
    def folder(self) -> str:
        """The folder that it lies in, relative to the top; empty at the top."""
        return self.name.rpartition("/")[0]


def picture_files(folder: Path) -> list[PictureFile]:
    """Every picture file below `folder` by its suffix, in natural order; hidden files and folders are left out.

    Raises UserError where the folder is missing, is a file, cannot be listed, or holds no picture file.
    """
    if not folder.exists():
        raise UserError(
            f"there is no folder {folder}",
            why=f"data.path does not exist, seen from the folder {Path.cwd()}",
            fix="check the spelling of data.path=FOLDER, or write the whole path",
        )
    if not folder.is_dir():
        raise UserError(
            f"{folder} is not a folder",
            why="data.path must name a folder of pictures",
            fix=f"write data.path={folder.parent}",
        )
    found = sorted(_walk(folder), key=lambda f: natural_key(f.name))
    if not found:
        raise UserError(
            f"{folder} holds no pictures",
            why=f"no file in it or below it ends in {', '.join(sorted(SUFFIXES))}",
            fix="write data.path=FOLDER with a folder that has some",
        )
    return found


def _walk(top: Path) -> Iterator[PictureFile]:
    seen: set[tuple[int, int]] = set()

    def stop(error: OSError) -> None:
        raise UserError(
            f"{error.filename} cannot be listed",
            why=error.strerror or str(error),
            fix="give yourself the right to read it",
        )

    for here, folders, files in os.walk(top, followlinks=True, onerror=stop):
        about = os.stat(here)
        place = (about.st_dev, about.st_ino)
        if place in seen:  # a link back up, or a second way to the same folder
            folders.clear()
            continue
        seen.add(place)
        folders[:] = sorted((f for f in folders if not f.startswith(".") and f != "__MACOSX"), key=natural_key)
        for file in files:
            if not file.startswith(".") and os.path.splitext(file)[1].lower() in SUFFIXES:
                yield _file(Path(here, file), top)


def _file(path: Path, top: Path) -> PictureFile:
    try:
        about = path.stat()
        size, modified = about.st_size, about.st_mtime_ns
    except OSError:  # a link to nowhere: listed, so that reading it gives the reason
        size, modified = -1, 0
    return PictureFile(path, path.relative_to(top).as_posix(), size, modified)
