"""The files that `data.path` names: one file, a folder of them, or several of both; in natural order."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from tilework.data.files.archive import is_archive
from tilework.data.files.layout import side_of
from tilework.data.files.natural import natural_key
from tilework.data.media.extensions import HIDDEN, extension_of, format_of_unknown, irregular, is_hidden, unlisted
from tilework.errors import UserError

Paths = Annotated[str, Field(min_length=1)] | Annotated[tuple[str, ...], Field(min_length=1)]
"""What a `path` setting of these sources holds."""


@dataclass(frozen=True)
class NamedFile:
    """One file; `name` is how the frame store knows it: its path below the folder that was given, or its own name."""

    path: Path
    name: str
    bytes: int
    modified_ns: int
    problem: str = ""
    """Why it cannot be read, where that is known already: a folder that cannot be listed stands here as one file."""

    @property
    def mark(self) -> str:
        """What changes when the file does."""
        return f"{self.name!r} {self.bytes} {self.modified_ns}"


def given_paths(paths: Paths) -> list[Path]:
    """`paths` as whole paths. Raises UserError for one that is not there."""
    found = [Path(p).expanduser().absolute() for p in ([paths] if isinstance(paths, str) else paths)]
    for path in found:
        if not os.path.lexists(path):
            raise UserError(
                f"there is no file or folder {path}",
                why=f"data.path does not exist, seen from the folder {Path.cwd()}",
                fix="check the spelling of data.path, or write the whole path",
            )
    return found


def named_files(
    paths: Paths,
    suffixes: frozenset[str],
    what: str,
    others: Counter[str] | None = None,
    formats: frozenset[str] = frozenset(),
    parts: list[str] | None = None,
) -> list[NamedFile]:
    """Every file of `suffixes` in or below `paths`, in natural order per path, names unique; hidden ones are left out.

    So does a file whose name does not give its format and that begins as one of `formats` (as `extensions.format_of` calls
    them). A file that is named itself counts whatever it is called. `others` counts the files of each other extension, and
    `parts` is given the folders that are called like parts of a split. Raises UserError where
    a path is missing or cannot be listed, is an archive, or nothing is found.
    """
    given = given_paths(paths)
    found: list[NamedFile] = []
    taken: set[str] = set()
    for top in given:
        if top.is_file() and is_archive(top):
            raise UserError(
                f"{top} is an archive, and {what} are not read out of one",
                why="only still images are (data.kind=images)",
                fix="unpack it and give the folder",
            )
        # Of several folders, each file's name begins with its folder's, so that a group shows where it comes from.
        prefix = f"{top.name}/" if len(given) > 1 and top.is_dir() else ""
        folders: list[str] = []
        inside = (
            walk(top, suffixes, formats, Counter() if others is None else others, folders)
            if top.is_dir()
            else [(top, "")]
        )
        below = ((p, prefix + p.relative_to(top).as_posix() if p != top else top.name, why) for p, why in inside)
        for path, plain, why in sorted(below, key=lambda one: natural_key(one[1])):
            found.append(_named(path, unique(plain, taken), why))
        if parts is not None:
            parts += [prefix + folder for folder in folders]
    if not found:
        raise UserError(
            f"{', '.join(map(str, given))} holds no {what}",
            why=f"no file in it or below it ends in {', '.join(sorted(suffixes))}",
            fix="write data.path=PATH with a file or a folder that has some",
        )
    return found


def after(files: Iterable[NamedFile], name: str) -> Iterator[NamedFile]:
    """The file called `name` and all that follow it; nothing where there is no such file."""
    reached = False
    for file in files:
        reached = reached or file.name == name
        if reached:
            yield file


def walk(
    top: Path, suffixes: frozenset[str], formats: frozenset[str], others: Counter[str], parts: list[str]
) -> Iterator[tuple[Path, str]]:
    """Files below `top` by suffix, or by content where it gives none; and each folder that cannot be listed, with why.

    Links are followed once and never in a circle.
    """
    seen: set[tuple[int, int]] = set()
    denied: list[tuple[Path, str]] = []

    def note(error: OSError) -> None:
        reason = error.strerror or str(error)
        if Path(error.filename) == top:
            raise UserError(f"{top} cannot be listed", why=reason, fix="give yourself permission to read it")
        denied.append((Path(error.filename), unlisted(reason)))

    for here, folders, files in os.walk(top, followlinks=True, onerror=note):
        try:
            about = os.stat(here)
        except OSError as error:  # it was there a moment ago, or may be named and not looked at
            note(error)
            continue
        place = (about.st_dev, about.st_ino)
        if place in seen:
            folders.clear()
            continue
        seen.add(place)
        others.update({HIDDEN: hidden} if (hidden := sum(map(is_hidden, (*folders, *files)))) else {})
        folders[:] = sorted((f for f in folders if not is_hidden(f)), key=natural_key)
        parts += [Path(here, f).relative_to(top).as_posix() for f in folders if side_of(f) is not None]
        for file in files:
            if is_hidden(file):
                continue
            path = Path(here, file)
            if os.path.splitext(file)[1].lower() in suffixes or (formats and format_of_unknown(path) in formats):
                yield path, ""
            else:
                others[extension_of(file)] += 1
    yield from denied


def unique(name: str, taken: set[str]) -> str:
    """`name`, with a number behind it where it is taken; and takes it."""
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name} ({number})"
    taken.add(found)
    return found


def _named(path: Path, name: str, problem: str) -> NamedFile:
    try:
        about = path.stat()
    except OSError:  # a link to nowhere: kept, so that reading it gives the reason
        return NamedFile(path, name, -1, 0, problem)
    return NamedFile(path, name, about.st_size, about.st_mtime_ns, problem or irregular(about.st_mode))
