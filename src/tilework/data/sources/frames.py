"""`frames`: animations as folders of numbered frames."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from tilework.data.ahead import ahead
from tilework.data.contract import Item, Note, Seen, SourceConfig
from tilework.data.files.layout import layout_of
from tilework.data.files.named_files import NamedFile, Paths, after, named_files
from tilework.data.files.natural import natural_key
from tilework.data.files.skipping import Skipped
from tilework.data.media.colour import Colour, rgb
from tilework.data.media.depth import Depth
from tilework.data.media.extensions import IMAGES, READ
from tilework.data.media.images import Unreadable, decode
from tilework.spec.hints import unset

# Part of the fingerprint: raise it when frames come to be read differently.
_REVISION = 2


class Config(SourceConfig):
    """Folders of numbered images, one folder per animation; each folder one group, without labels.

    Frames are in natural order (2 before 10) and have the numbers that end their names, or are counted where the names do
    not number them. Where the folders above are called train, val, test or the like, they are the split.
    """

    kind: Literal["frames"] = "frames"
    path: Paths = Field(description="folder of frame folders, one frame folder, or a list of them")
    background: Colour = Field(
        default="white", description="colour under transparent pixels and around padded ones: a name or #rrggbb"
    )
    depth: int | None = Field(
        default=None,
        ge=8,
        le=16,
        description="bits that the values of 16-bit files really use (12 for many cameras)",
        json_schema_extra=unset("what a file gives, else 16"),
    )
    strict: bool = Field(default=False, description="stop at the first file that cannot be read")

    _skipped: Skipped = PrivateAttr(default_factory=Skipped)
    _seen: Seen = PrivateAttr(default_factory=Seen)
    _notes: list[Note] = PrivateAttr(default_factory=list)

    def fingerprint(self) -> str:
        return " ".join(
            [self.settings_text(), f"revision {_REVISION}", *(f"{file.path!s} {file.mark}" for file in self._files())]
        )

    def items(self) -> Iterator[Item]:
        given = False
        for item in self._items(None):
            given = True
            yield item
        if not given:
            raise self._skipped.none_left("images")

    def items_after(self, file: str, frame: int) -> Iterator[Item]:
        """As `items()` from behind that frame on; nothing before it is opened."""
        return self._items(file)

    def expected(self) -> int:
        return len(self._files())

    def notes(self) -> list[Note]:
        return list(self._notes)

    def unreadable(self) -> list[tuple[str, str]]:
        return list(self._skipped.entries)

    def padding(self) -> tuple[int, int, int]:
        return rgb(self.background)

    def seen(self) -> Seen:
        return self._seen

    def _files(self, others: Counter[str] | None = None, parts: list[str] | None = None) -> list[NamedFile]:
        """All frames, folder by folder, in natural order within each."""
        files = named_files(self.path, IMAGES, "frames", others, READ, parts)
        return sorted(files, key=lambda file: (natural_key(_folder(file)), natural_key(file.name)))

    def _items(self, done: str | None) -> Iterator[Item]:
        self._skipped, self._notes = Skipped(self.strict), []
        note_kinds: dict[str, list[str]] = {}
        others: Counter[str] = Counter()
        parts: list[str] = []
        files, depth = self._files(others, parts), Depth(self.depth)
        layout = layout_of((file.name for file in files if not file.problem), folders=parts)
        numbers = _numbers(files)
        at_least = None if self.fit == "refuse" else 2 * max(self.size)

        def read(file: NamedFile) -> NDArray[np.uint8] | Unreadable:
            if problem := file.problem or layout.place(file.name).problem:
                return Unreadable(problem)
            try:
                notes: list[str] = []
                pixels = decode(file.path, self.padding(), at_least, depth, notes)
            except Unreadable as reason:
                return reason
            if notes:
                note_kinds[file.name] = notes
            return pixels

        self._seen = layout.seen(others)
        todo = (file for file in (files if done is None else after(files, done)) if file.name != done)
        for file, pixels in ahead(read, todo):
            if isinstance(pixels, Unreadable):
                self._skipped.skip(file.name, str(pixels), file.path)
            else:
                self._notes += [Note(file.name, kind) for kind in note_kinds.pop(file.name, ())]
                side = layout.place(file.name).held_out
                group = _folder(file)
                yield Item(pixels=pixels, group=group, frame=numbers[file.name], file=file.name, held_out=side)
        bits = depth.unused()
        self._seen = layout.seen(others, None if bits is None else (depth.files, bits))


def _folder(file: NamedFile) -> str:
    """The animation that a frame belongs to: its folder's path, or the folder's own name where the frames lie at the top."""
    return file.name.rpartition("/")[0] or file.path.parent.name


def _numbers(files: list[NamedFile]) -> dict[str, int]:
    """The number of each frame: what ends its name, where that ascends through the folder; else its place."""
    folders: dict[str, list[NamedFile]] = {}
    for file in files:
        folders.setdefault(_folder(file), []).append(file)
    out: dict[str, int] = {}
    for inside in folders.values():
        found = [re.search(r"([0-9]{1,15})[^0-9]*$", os.path.splitext(file.path.name)[0]) for file in inside]
        named = [int(match[1]) for match in found if match]
        ascending = len(named) == len(inside) and all(a < b for a, b in pairwise(named))
        out.update(zip((file.name for file in inside), named if ascending else range(len(inside)), strict=True))
    return out
