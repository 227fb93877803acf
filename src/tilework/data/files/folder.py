"""The image files of folders and archives, in natural order, with links followed once and never in a circle."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from typing import NoReturn

from tilework.data.files.archive import Archive, given_archive, is_archive
from tilework.data.files.layout import side_of
from tilework.data.files.named_files import Paths, unique
from tilework.data.files.natural import natural_key
from tilework.data.media.extensions import (
    HIDDEN,
    READ,
    REFUSED,
    WITHOUT,
    extension_of,
    format_of_unknown,
    irregular,
    is_hidden,
    kind_of,
    unlisted,
)
from tilework.errors import UserError


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One file. A large folder has many of them: it holds no more than it must."""

    top: Path
    """The folder or archive that was given, or the folder of a file that was given itself."""
    below: str
    """Its path below `top`, with forward slashes."""
    name: str
    """How the frame store knows it: `below`, behind the folder's name where several folders were given."""
    bytes: int
    modified_ns: int
    problem: str = ""
    """Why it cannot be read, where that is known already: a folder that cannot be listed stands here as one file."""
    archive: Archive | None = None
    member: int = 0
    """Where it is an archive's: which of its members."""

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.top / self.below

    @property
    def folder(self) -> str:
        """The folder that it lies in, relative to the top; empty at the top."""
        return self.name.rpartition("/")[0]


@dataclass
class Listing:
    """What lies at some paths: the images, and how many files of each extension are none."""

    files: list[ImageFile] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    parts: list[str] = field(default_factory=list)
    """Folders that are called like parts of a split, whether there is something in them or not."""


def image_files(paths: Paths) -> Listing:
    """The images that `paths` (files, folders, archives) name and hold, in natural order for each path.

    By their extensions, and by their first bytes where an extension gives none. A folder further down that cannot be
    listed, an archive in a folder, and an image of a kind that is never opened are files with a `problem`; a file that
    is named itself counts whatever it is called. Raises UserError where a path is missing or cannot be listed, or where
    there is no image.
    """
    given = [Path(p).expanduser().absolute() for p in ([paths] if isinstance(paths, str) else paths)]
    found = Listing()
    taken: set[str] = set()
    for top in given:
        if not os.path.lexists(top):
            raise UserError(
                f"there is no folder {top}",
                why=f"data.path does not exist, seen from the folder {Path.cwd()}",
                fix="check the spelling of data.path=FOLDER, or write the whole path",
            )
        parts: list[str] = []
        if top.is_dir():
            inside = sorted(_walk(top, found.others, parts), key=lambda f: natural_key(f.name))
        elif is_archive(top):
            inside = _in_archive(top, found.others)
        else:
            found.files.append(_file(top, top.parent, unique(top.name, taken)))
            continue
        if len(given) > 1:
            inside = [replace(file, name=unique(f"{top.name}/{file.name}", taken)) for file in inside]
            parts = [f"{top.name}/{part}" for part in parts]
        found.files += inside
        found.parts += parts
    if not found.files:
        _none(given, found.others)
    return found


def counts(others: Counter[str] | dict[str, int]) -> str:
    """How many files of each extension, the most frequent first."""
    return ", ".join(f"{n:,} {what}" for what, n in sorted(others.items(), key=lambda one: (-one[1], one[0])))


def _none(given: list[Path], others: Counter[str]) -> NoReturn:
    raise UserError(
        f"{', '.join(map(str, given))} holds no images",
        why=f"its files are {counts(others)}, and none of them is an image" if others else "there are no files in it",
        fix="write data.path=FOLDER with a folder that has some",
    )


def _walk(top: Path, others: Counter[str], parts: list[str]) -> Iterator[ImageFile]:
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
                # One at a time: an entry holds all that the system reports of its file.
                for entry in entries:
                    if is_hidden(entry.name):
                        others[HIDDEN] += 1
                    elif _is_folder(entry):
                        below.append(f"{prefix}{entry.name}/")
                        if side_of(entry.name) is not None:
                            parts.append(f"{prefix}{entry.name}")
                    elif (file := _listed(entry, top, prefix + entry.name)) is not None:
                        yield file
                    else:
                        others[extension_of(entry.name)] += 1
        except OSError as error:
            reason = error.strerror or str(error)
            if not prefix:
                raise UserError(
                    f"{top} cannot be listed", why=reason.lower(), fix="give yourself permission to read it"
                ) from None
            name = prefix.rstrip("/")
            yield ImageFile(top, name, name, -1, 0, unlisted(reason))
        todo += sorted(below, key=natural_key, reverse=True)


def _listed(entry: os.DirEntry[str], top: Path, name: str) -> ImageFile | None:
    """An image, or what must be named because it may be one or hold some; None for any other file."""
    kind = kind_of(name)
    begins = format_of_unknown(entry.path)
    if kind == "image" or begins in READ:
        return _file(entry, top, name)
    if kind == "refused":
        return _file(entry, top, name, REFUSED[os.path.splitext(name)[1].lower()])
    # Programs are packed like archives and have extensions of their own.
    if kind == "archive" or (begins in {"ZIP", "TAR"} and extension_of(name) == WITHOUT):
        return _file(
            entry, top, name, "it is an archive; unpack it here, or add it by itself: tilework data add NAME PATH"
        )
    return None


def _in_archive(path: Path, others: Counter[str]) -> list[ImageFile]:
    """The images of an archive; a folder that wraps all of them is not part of their names."""
    archive = given_archive(path)
    about = path.stat()
    found: list[ImageFile] = []
    taken: set[str] = set()
    for number, member in enumerate(archive.members):
        if any(map(is_hidden, member.name.split("/"))) and not member.problem:
            others[HIDDEN] += 1
            continue
        kind = "image" if member.image else kind_of(member.name)
        problem = member.problem
        if kind == "refused":
            problem = problem or REFUSED[os.path.splitext(member.name)[1].lower()]
        elif kind == "archive":
            problem = problem or "it is an archive within the archive; unpack it and add it by itself"
        if kind == "image" or problem:
            name = unique(member.name, taken)
            found.append(ImageFile(path, member.name, name, member.bytes, about.st_mtime_ns, problem, archive, number))
        else:
            others[extension_of(member.name)] += 1
    wrapped = _wrapping([file.name for file in found if not file.problem])
    found = [replace(file, name=file.name.removeprefix(wrapped)) for file in found]
    return found if archive.streamed else sorted(found, key=lambda f: natural_key(f.name))


def _wrapping(names: list[str]) -> str:
    """The folders that all these lie in."""
    if not names:
        return ""
    folders = [name.split("/")[:-1] for name in names]
    low, high = min(folders), max(folders)  # what these two share, all share
    shared = [one for one, _ in takewhile(lambda pair: pair[0] == pair[1], zip(low, high, strict=False))]
    return "".join(f"{folder}/" for folder in shared)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _file(file: os.DirEntry[str] | Path, top: Path, name: str, problem: str = "") -> ImageFile:
    try:
        about = file.stat()
        size, modified = about.st_size, about.st_mtime_ns
        problem = irregular(about.st_mode) or problem
    except OSError:  # a link to nowhere: listed, so that reading it gives the reason
        size, modified = -1, 0
    return ImageFile(top, name if isinstance(file, os.DirEntry) else file.name, name, size, modified, problem)
