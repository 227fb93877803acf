"""`frames`: animations as folders of numbered frames."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from tilework.data.ahead import ahead
from tilework.data.colour import Colour, rgb
from tilework.data.contract import Item, SourceConfig
from tilework.data.folder import SUFFIXES
from tilework.data.named_files import NamedFile, Paths, after, named_files
from tilework.data.natural import natural_key
from tilework.data.pictures import Unreadable, decode
from tilework.data.skipping import Skipped


class Config(SourceConfig):
    """Folders of numbered pictures, one folder per animation; each folder one group, without labels.

    Frames are in natural order (2 before 10) and have the numbers that end their names, or are counted where the names do
    not number them.
    """

    kind: Literal["frames"] = "frames"
    path: Paths = Field(description="folder of frame folders, one frame folder, or a list of them")
    background: Colour = Field(
        default="white", description="colour under transparent pixels and around padded ones: a name or #rrggbb"
    )
    strict: bool = Field(default=False, description="stop at the first file that cannot be read")

    _skipped: Skipped = PrivateAttr(default_factory=Skipped)

    def fingerprint(self) -> str:
        return " ".join([self.settings_text(), *(f"{file.path!s} {file.mark}" for file in self._files())])

    def items(self) -> Iterator[Item]:
        given = False
        for item in self._items(None):
            given = True
            yield item
        if not given:
            raise self._skipped.none_left("pictures")

    def items_after(self, file: str, frame: int) -> Iterator[Item]:
        """As `items()` from behind that frame on; nothing before it is opened."""
        return self._items(file)

    def expected(self) -> int:
        return len(self._files())

    def unreadable(self) -> list[tuple[str, str]]:
        return list(self._skipped.told)

    def padding(self) -> tuple[int, int, int]:
        return rgb(self.background)

    def _files(self) -> list[NamedFile]:
        """All frames, folder by folder, in natural order within each."""
        files = named_files(self.path, SUFFIXES, "pictures")
        return sorted(files, key=lambda file: (natural_key(_folder(file)), natural_key(file.name)))

    def _items(self, done: str | None) -> Iterator[Item]:
        self._skipped = Skipped(self.strict)
        files = self._files()
        numbers = _numbers(files)
        at_least = None if self.fit == "refuse" else 2 * max(self.size)

        def read(file: NamedFile) -> NDArray[np.uint8] | Unreadable:
            try:
                return decode(file.path, self.padding(), at_least)
            except Unreadable as reason:
                return reason

        todo = (file for file in (files if done is None else after(files, done)) if file.name != done)
        for file, pixels in ahead(read, todo):
            if isinstance(pixels, Unreadable):
                self._skipped.skip(file.name, str(pixels), file.path)
            else:
                yield Item(pixels=pixels, group=_folder(file), frame=numbers[file.name], file=file.name)


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
