"""Which idx files of a folder belong together: by their content, whatever they are called."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tilework.data.files.idx import idx_shape
from tilework.data.files.natural import natural_key
from tilework.errors import UserError

USUAL = ("train", "t10k")
_WORDS = re.compile(r"(images?|labels?|images?|targets?|classes|data|idx\d?|ubyte|gz|[xy](?=[-_.]))", re.IGNORECASE)
_TRAIN = re.compile(r"(?<![a-z])(train|training|trn)", re.IGNORECASE)
_TEST = re.compile(r"(?<![a-z])(test|testing|tst|t10k|val|valid|validation|eval)", re.IGNORECASE)
_FILES = 10_000
"""More files than these are not looked into: a folder of idx files has a few."""


@dataclass(frozen=True)
class IdxPart:
    """Images with their labels."""

    name: str
    """What its files are called in the frame store."""
    images: Path
    labels: Path | None
    held_out: bool | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """Its one or two files."""
        return (self.images,) if self.labels is None else (self.images, self.labels)


def idx_parts(folder: Path) -> list[IdxPart]:
    """The parts of the one set in `folder` or below it: those that train first.

    Files with MNIST's own names are taken by them; any others are paired by their counts, and by what their names have in
    common. Raises UserError where there is none or where it is not clear what belongs together.
    """
    for place in (folder, folder / "raw", folder / "MNIST" / "raw"):
        usual = [_usual(place, part) for part in USUAL]
        if all(usual):
            return [part for part in usual if part is not None]
    found = dict(_idx_files(folder))
    images: dict[Path, tuple[int, ...]] = {path: shape for path, shape in found.items() if len(shape) == 3}
    if not images:
        raise UserError(
            f"{folder} holds no idx files of images",
            why="no file in it or below it begins as one does (bytes 00 00 08 03), plain or in .gz",
            fix="write data.path=FOLDER with the folder that has them",
        )
    labels = {path: shape[0] for path, shape in found.items() if len(shape) == 1}
    pairs = {path: _labels_of(path, shape[0], labels) for path, shape in images.items()}
    return _sides(folder, images, pairs)


def _usual(place: Path, part: str) -> IdxPart | None:
    images, labels = (_first(place, f"{part}-{what}-ubyte") for what in ("images-idx3", "labels-idx1"))
    return None if images is None or labels is None else IdxPart(part, images, labels, part == "t10k")


def _first(folder: Path, name: str) -> Path | None:
    """The file in `folder`, plain or gzipped, also with a dot before `idx` as some copies have it."""
    for stem in (name, name.replace("-idx", ".idx")):
        for path in (folder / stem, folder / f"{stem}.gz"):
            if os.path.isfile(path):
                return path
    return None


def _idx_files(folder: Path) -> Iterator[tuple[Path, tuple[int, ...]]]:
    """Each idx file; of a plain one and its packed copy, the plain one."""
    looked = 0
    for here, folders, files in os.walk(folder):
        folders[:] = sorted((name for name in folders if not name.startswith(".")), key=natural_key)
        for name in sorted(files, key=natural_key):
            looked += 1
            if looked > _FILES:
                return
            copy = name.lower().endswith(".gz") and name[:-3] in files
            if not copy and (shape := idx_shape(Path(here, name))) is not None:
                yield Path(here, name), shape


def _labels_of(images: Path, count: int, labels: dict[Path, int]) -> Path | None:
    """The labels of some images: as many, and if several are, those whose name is the same but for such words."""
    if not labels:
        return None
    fitting = [path for path, size in labels.items() if size == count]
    named = [path for path in fitting if _stem(path) == _stem(images)]
    if len(named) == 1:
        return named[0]
    if len(fitting) == 1 and _side(fitting[0]) in {None, _side(images)}:
        return fitting[0]
    raise UserError(
        f"it is not clear which labels belong to {images}",
        why=f"it has {count:,} images, and "
        + (f"{len(fitting)} files have as many labels" if len(fitting) != 1 else f"{fitting[0].name} has another name")
        if fitting
        else f"it has {count:,} images, and no file has as many labels ({_sizes(labels)})",
        fix="call them NAME-images and NAME-labels with the same NAME, or take away what belongs to another set",
    )


def _sizes(labels: dict[Path, int]) -> str:
    return ", ".join(f"{path.name}: {size:,}" for path, size in labels.items())


def _sides(folder: Path, images: dict[Path, tuple[int, ...]], pairs: dict[Path, Path | None]) -> list[IdxPart]:
    """One file is all there is; of several, names show which trains, else of two the larger one."""
    if len(images) == 1:
        return [IdxPart(path.name, path, pairs[path]) for path in images]
    sides = {path: _side(path) for path in images}
    if len(images) == 2 and set(sides.values()) == {None}:
        small, large = sorted(images, key=lambda path: images[path][0])
        if images[small][0] < images[large][0]:
            sides = {large: False, small: True}
    training = [path for path, side in sides.items() if side is False]
    if None in sides.values() or len(training) != 1:
        raise UserError(
            f"{folder} holds {len(images)} idx files of images, and it is not clear which train",
            why=f"they are {', '.join(f'{path.name} ({shape[0]:,})' for path, shape in images.items())}",
            fix="give a folder with one set: one file with train in its name, the others with test or val",
        )
    return [IdxPart(path.name, path, pairs[path], sides[path]) for path in sorted(sides, key=lambda p: bool(sides[p]))]


def _side(path: Path) -> bool | None:
    """True = held out, False = training, None = its name does not show it."""
    train, test = _TRAIN.search(path.name) is not None, _TEST.search(path.name) is not None
    return None if train == test else test


def _stem(path: Path) -> str:
    """A name without the words that describe what is in the file."""
    return "".join(c for c in _WORDS.sub("", path.name).lower() if c.isalnum())
