"""Listed images to pixels: from files each by itself, from packed archives in the order in which they come out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from tilework.data.files.folder import ImageFile
from tilework.data.files.layout import Layout
from tilework.data.media.depth import Depth
from tilework.data.media.images import LARGE_BYTES, ONE_LARGE, Unreadable, decode, decode_bytes

_TOGETHER, _TOGETHER_BYTES = 4, 8 * 2**20
WAITING_BYTES = 128 * 2**20
"""So many bytes out of packed archives wait to be decoded, and one file more."""


@dataclass
class Batch:
    """Files that a thread takes at a time: the number of each, and its content where that is there already."""

    files: list[tuple[int, bytes | Unreadable | None]] = field(default_factory=list)
    waiting: int = 0
    """Bytes of content."""

    def add(self, number: int, packed: bytes | Unreadable | None) -> bool:
        """Whether it is full with this one."""
        self.files.append((number, packed))
        self.waiting += len(packed) if isinstance(packed, bytes) else 0
        return len(self.files) == _TOGETHER or self.waiting >= _TOGETHER_BYTES


def batches(files: Sequence[ImageFile], start: int, wanted: Callable[[int], bool]) -> Iterator[Batch]:
    """All files from number `start` on that are `wanted` when their turn comes, in order."""
    batch = Batch()
    for number, packed in _contents(files, start):
        if wanted(number) and batch.add(number, packed):
            yield batch
            batch = Batch()
    if batch.files:
        yield batch


def _contents(files: Sequence[ImageFile], start: int) -> Iterator[tuple[int, bytes | Unreadable | None]]:
    number = start
    while number < len(files):
        archive = files[number].archive
        if archive is None or not archive.streamed:
            yield number, None
            number += 1
            continue
        end = next((n for n in range(number, len(files)) if files[n].archive is not archive), len(files))
        coming = archive.stream([file.member for file in islice(files, number, end) if not file.problem])
        for here in range(number, end):
            if files[here].problem:
                yield here, None
            else:
                yield here, next(coming, (0, Unreadable("the archive breaks off before it")))[1]
        number = end


def decode_file(
    file: ImageFile,
    background: tuple[int, int, int],
    at_least: int | None,
    depth: Depth,
    packed: bytes | None = None,
    note_kinds: list[str] | None = None,
) -> NDArray[np.uint8] | Unreadable:
    """As `decode`, of a file wherever it lies; `packed` is its content, where that is there already."""
    try:
        if packed is not None:
            return decode_bytes(packed, background, at_least, depth, file.path.suffix, note_kinds)
        if file.archive is None:
            return decode(file.path, background, at_least, depth, note_kinds)
        if file.archive.streamed:
            return Unreadable("its archive can only be read from its beginning")
        with ONE_LARGE if file.bytes > LARGE_BYTES else nullcontext():
            content = file.archive.read(file.member)
            return decode_bytes(content, background, at_least, depth, file.path.suffix, note_kinds)
    except Unreadable as reason:
        return reason


def shares(files: Sequence[ImageFile], layout: Layout, limit: int | None) -> Counter[str] | None:
    """How many images to take of each part of the split (of "" where there is none); None where all."""
    if limit is None:
        return None
    sizes = Counter(layout.place(file.name).part for file in files if not file.problem)
    if len(sizes) < 2 or limit >= sizes.total():
        return Counter(dict.fromkeys(sizes, limit))
    left = Counter({part: max(1, limit * size // sizes.total()) for part, size in sizes.items()})
    largest = max(sizes, key=lambda part: sizes[part])
    left[largest] = max(1, left[largest] + limit - left.total())
    return left
