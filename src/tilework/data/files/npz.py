"""Which arrays of an .npz are the images, which their labels, and which side of a split they are on."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tilework.data.contract import Note
from tilework.data.files.layout import side_of

_IMAGES = frozenset(
    ["x", "image", "images", "img", "imgs", "picture", "pictures", "data", "pixels", "samples", "inputs", "input"]
)
_LABELS = frozenset(["y", "label", "labels", "target", "targets", "class", "classes", "category", "categories"])


@dataclass(frozen=True)
class Shape:
    """What the head of an array states."""

    shape: tuple[int, ...]
    kind: str
    """One letter, as numpy's `dtype.kind`."""


@dataclass(frozen=True)
class Chosen:
    """One array of images, and what belongs to it."""

    images: str
    labels: str | None = None
    held_out: bool | None = None


def heads(archive: zipfile.ZipFile) -> dict[str, Shape]:
    """Name -> shape and type of each array, without reading the arrays. Raises ValueError where a head is damaged."""
    found = {}
    for name in archive.namelist():
        if not name.endswith(".npy"):
            continue
        with archive.open(name) as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(file)
        found[name.removesuffix(".npy")] = Shape(tuple(shape), dtype.kind)
    return found


def images_among(arrays: Mapping[str, Shape], labels_key: str | None = None) -> list[str]:
    """The arrays that may be the images; with labels that were named, those on the same side of a split."""
    likely = [name for name, array in arrays.items() if len(array.shape) in {3, 4}] or list(arrays)[: len(arrays) == 1]
    if labels_key is not None and len(likely) > 1:
        likely = [name for name in likely if _part(name) == _part(labels_key)] or likely
    return likely


def are_a_split(names: list[str]) -> bool:
    """Whether these are the sides of one set: called alike but for `train` and `test` (or `val`, ...) in their names."""
    parts, words = [_part(name) for name in names], {_word(name) for name in names}
    one_set = len(words) == 1 and words <= _IMAGES and len(set(parts)) == len(parts)
    return one_set and {side_of(part) for part in parts} == {True, False}


def chosen(arrays: Mapping[str, Shape], images: list[str], labels_key: str | None) -> list[Chosen]:
    """The arrays of images, each with its labels where they are unmistakable, or with those that were named."""
    split = len(images) > 1
    out = []
    for name in images:
        labels = labels_key
        if labels is None:
            usable = _usable(arrays, name)
            labels = usable[0] if len(usable) == 1 else None
        out.append(Chosen(name, labels, side_of(_part(name)) if split else None))
    # Labels for one side alone would be worth nothing.
    whole = all(one.labels is not None for one in out)
    return out if whole else [Chosen(one.images, None, one.held_out) for one in out]


def notes(arrays: Mapping[str, Shape], taken: list[Chosen], file: str) -> Iterator[Note]:
    """The notes on labels that were found: taken ones, and arrays that may be some."""
    names = [one.labels for one in taken if one.labels is not None]
    if names:
        yield Note(file, "labels-taken", tuple(names))
        return
    images = {one.images for one in taken}
    count = arrays[taken[0].images].shape[0]
    usable = _usable(arrays, taken[0].images)
    for name, array in arrays.items():
        if name in images or _part(name) != _part(taken[0].images):
            continue
        named = _word(name) in _LABELS
        if _one_each(array, count):
            if array.kind in "iubUS":
                yield Note(file, "labels-several" if named and len(usable) > 1 else "labels-unnamed", (name,))
            elif named:
                yield Note(file, "labels-fractions", (name,))
        elif named:
            yield Note(file, "labels-shape", (name, str(array.shape), f"{count:,}"))


def label_text(value: Any) -> str:
    """One label as text."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _usable(arrays: Mapping[str, Shape], images: str) -> list[str]:
    """The arrays that are labels of these images by name, length and type."""
    count = arrays[images].shape[0] if arrays[images].shape else 0
    return [
        name
        for name, array in arrays.items()
        if name != images
        and _word(name) in _LABELS
        and _part(name) == _part(images)
        and _one_each(array, count)
        and array.kind in "iubUS"
    ]


def _one_each(array: Shape, count: int) -> bool:
    return array.shape in {(count,), (count, 1)}


def _tokens(name: str) -> list[str]:
    return [token for token in re.split(r"[_\-. /]+", name) if token]


def _part(name: str) -> str:
    """The word in a name that shows which side of a split it is; empty where there is none."""
    return next((token for token in _tokens(name) if side_of(token) is not None), "")


def _word(name: str) -> str:
    """The rest of a name."""
    return "_".join(token for token in _tokens(name) if side_of(token) is None).lower()
