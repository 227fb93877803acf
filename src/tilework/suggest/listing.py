"""The files at some paths, within a bounded time: a folder with very many is counted as far as the time allows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from tilework.data.catalogue.classes import classes, files_below
from tilework.data.files.archive import is_archive
from tilework.data.files.folder import ImageFile, image_files
from tilework.data.files.layout import layout_of
from tilework.data.files.named_files import unique

MOST_FILES = 300_000
_WANTED = {
    "images": {"images", "animations"},
    "frames": {"images"},
    "animations": {"animations", "images"},
    "video": {"videos"},
}


@dataclass(frozen=True)
class Found:
    """Files of one kind."""

    files: tuple[ImageFile, ...]
    whole: bool
    """Whether all of them were seen."""
    labels: int
    """Classes that their folders stand for."""
    groups: int
    """Folders that they lie in."""


def listed(kind: str, paths: Sequence[str], seconds: float) -> Found:
    """The files that a source of this kind would read, by their names; those whose names do not give their kind are
    opened as long as they are few. Raises UserError for an archive that cannot be read."""
    end = time.monotonic() + seconds
    found: list[ImageFile] = []
    whole, taken = True, set[str]()
    for given in paths:
        top = Path(given)
        if not top.is_dir():
            found += _one(top, taken)
            continue
        some = list(islice(_until(end, files_below(top)), MOST_FILES))
        whole = whole and time.monotonic() < end and len(some) < MOST_FILES
        prefix = f"{top.name}/" if len(paths) > 1 else ""
        for file in _of_kind(kind, some):
            below = file.relative_to(top).as_posix()
            found.append(ImageFile(top, below, unique(prefix + below, taken) if prefix else below, -1, 0))
    layout = layout_of(file.name for file in found)
    labels = {place.label for place in (layout.place(file.name) for file in found) if not place.problem} - {None}
    return Found(tuple(found), whole, len(labels), len({file.folder for file in found}))


def _one(file: Path, taken: set[str]) -> list[ImageFile]:
    """A file that was named itself, or what is in it."""
    if is_archive(file):
        return [one for one in image_files(str(file)).files if not one.problem]
    return [ImageFile(file.parent, file.name, unique(file.name, taken), -1, 0)]


def _until(end: float, files: Iterator[Path]) -> Iterator[Path]:
    for file in files:
        yield file
        if time.monotonic() > end:
            return


def _of_kind(kind: str, files: Sequence[Path]) -> Iterator[Path]:
    yield from (file for file, what in zip(files, classes(files), strict=True) if what in _WANTED[kind])
