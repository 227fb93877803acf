"""The picture files of folders, in natural order, with links followed once and never in a circle."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from tilework.data.named_files import Paths, unique
from tilework.data.natural import natural_key
from tilework.errors import UserError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif"})


@dataclass(frozen=True, slots=True)
class PictureFile:
    """One file. A large folder has many of them: it holds no more than it must."""

    top: Path
    """The folder that was given, or the one of a file that was given itself."""
    below: str
    """Its path below `top`, with forward slashes."""
    name: str
    """How the frame store knows it: `below`, behind the folder's name where several folders were given."""
    bytes: int
    modified_ns: int
    problem: str = ""
    """Why it cannot be read, where that is known already: a folder that cannot be listed stands here as one file."""

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.top / self.below

    @property
    def first_folder(self) -> str | None:
        """The first-level folder that it lies in, or None at the top."""
        head, slash, _ = self.name.partition("/")
        return head if slash else None

    @property
    def folder(self) -> str:
        """The folder that it lies in, relative to the top; empty at the top."""
        return self.name.rpartition("/")[0]


def picture_files(paths: Paths) -> list[PictureFile]:
    """The picture files that `paths` (files, folders) name and hold, by their suffix, in natural order for each path.

    Hidden files and folders are left out. A folder further down that cannot be listed is one file with a `problem`; a file
    that is named itself counts whatever it is called. Raises UserError where a path is missing or cannot be listed, or where
    there is no picture file at all.
    """
    given = [Path(p).expanduser().absolute() for p in ([paths] if isinstance(paths, str) else paths)]
    found: list[PictureFile] = []
    taken: set[str] = set()
    for top in given:
        if not os.path.lexists(top):
            raise UserError(
                f"there is no folder {top}",
                why=f"data.path does not exist, seen from the folder {Path.cwd()}",
                fix="check the spelling of data.path=FOLDER, or write the whole path",
            )
        if not top.is_dir():
            found.append(_file(top, top.parent, unique(top.name, taken)))
            continue
        files = sorted(_walk(top), key=lambda f: natural_key(f.name))
        if len(given) == 1:
            return files or _none(given)
        found += (replace(file, name=unique(f"{top.name}/{file.name}", taken)) for file in files)
    return found or _none(given)


def _none(given: list[Path]) -> NoReturn:
    raise UserError(
        f"{', '.join(map(str, given))} holds no pictures",
        why=f"no file in it or below it ends in {', '.join(sorted(SUFFIXES))}",
        fix="write data.path=FOLDER with a folder that has some",
    )


def _walk(top: Path) -> Iterator[PictureFile]:
    seen: set[tuple[int, int]] = set()
    todo = [""]
    while todo:
        prefix = todo.pop()
        here = f"{top}{os.sep}{prefix}"
        below: list[str] = []
        try:
            about = os.stat(here)
            place = (about.st_dev, about.st_ino)
            if place in seen:  # a link back up, or a second way to the same folder
                continue
            seen.add(place)
            with os.scandir(here) as entries:
                # One at a time: an entry holds all that the system says of its file.
                for entry in entries:
                    if entry.name.startswith(".") or entry.name == "__MACOSX":
                        continue
                    if _is_folder(entry):
                        below.append(f"{prefix}{entry.name}/")
                    elif os.path.splitext(entry.name)[1].lower() in SUFFIXES:
                        yield _file(entry, top, prefix + entry.name)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            if not prefix:
                raise UserError(
                    f"{top} cannot be listed", why=reason, fix="give yourself the right to read it"
                ) from None
            name = prefix.rstrip("/")
            yield PictureFile(top, name, name, -1, 0, f"this folder cannot be listed: {reason}")
        todo += sorted(below, key=natural_key, reverse=True)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _file(file: os.DirEntry[str] | Path, top: Path, name: str) -> PictureFile:
    try:
        about = file.stat()
        size, modified = about.st_size, about.st_mtime_ns
    except OSError:  # a link to nowhere: listed, so that reading it gives the reason
        size, modified = -1, 0
    return PictureFile(top, name if isinstance(file, os.DirEntry) else file.name, name, size, modified)
