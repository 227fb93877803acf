"""`images`: a folder of pictures; class folders become labels."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from tilework.data.colour import Colour, rgb
from tilework.data.contract import Item, SourceConfig
from tilework.data.cores import usable_cores
from tilework.data.fit import fit_picture
from tilework.data.folder import PictureFile, picture_files
from tilework.data.named_files import Paths, given_paths
from tilework.data.pictures import Unreadable, decode
from tilework.errors import UserError

_TOGETHER = 4  # files a thread takes at a time
_AHEAD = 3  # such batches that wait for each thread


class Config(SourceConfig):
    """PNG, JPEG, WebP, BMP, TIFF, AVIF and GIF (first frame) files of a folder and the folders below it.

    Where every picture lies in a first-level folder, those folders' names are the labels. Files that cannot be read are
    skipped, counted and listed, unless `strict`.
    """

    kind: Literal["images"] = "images"
    path: Paths = Field(description="folder of pictures, picture file, or a list of both")
    group: Literal["picture", "folder"] = Field(
        default="picture",
        description="what stays on one side of the split: each picture alone, or all of a folder (frames of one clip)",
    )
    background: Colour = Field(
        default="white", description="colour under transparent pixels and around padded ones: a name or #rrggbb"
    )
    strict: bool = Field(default=False, description="stop at the first file that cannot be read")
    limit: int | None = Field(default=None, ge=1, description="first n pictures only, in natural order; null = all")

    _skipped: list[tuple[str, str]] = PrivateAttr(default_factory=list)

    def fingerprint(self) -> str:
        listing = hashlib.sha256()
        for file in picture_files(self.path):
            listing.update(f"{file.name!r} {file.bytes} {file.modified_ns}\n".encode())
        return f"{self.settings_text()} {' '.join(map(str, given_paths(self.path)))} {listing.hexdigest()}"

    def expected(self) -> int:
        return min(len(picture_files(self.path)), self.limit or 2**62)

    def items(self) -> Iterator[Item]:
        return self._items(picture_files(self.path), 0)

    def items_after(self, file: str, frame: int) -> Iterator[Item]:
        files = picture_files(self.path)
        place = next((number for number, one in enumerate(files) if one.name == file), None)
        if place is None or self.limit is not None:  # how many were readable before decides where `limit` ends
            yield from super().items_after(file, frame)
        else:
            yield from self._items(files, place + 1)

    def _items(self, files: list[PictureFile], start: int) -> Iterator[Item]:
        self._skipped = []
        labelled = all(file.first_folder is not None for file in files)
        frames = _numbered_by_folder(files) if self.group == "folder" else None
        given = 0
        for number, pixels in self._decoded(files, start):
            file = files[number]
            if isinstance(pixels, Unreadable):
                self._skip(file, str(pixels))
                continue
            yield Item(
                pixels=pixels,
                group=file.name if frames is None else file.folder,
                frame=0 if frames is None else frames[number],
                label=file.first_folder if labelled else None,
                file=file.name,
            )
            given += 1
            if given == self.limit:
                return
        if not given and start == 0:
            name, reason = self._skipped[0]
            raise UserError(
                f"none of the {len(self._skipped)} picture files in {', '.join(map(str, given_paths(self.path)))} can be read",
                why=f"{name}: {reason}" + (" (the first of them)" if len(self._skipped) > 1 else ""),
                fix="give a folder with whole pictures",
            )

    def unreadable(self) -> list[tuple[str, str]]:
        return list(self._skipped)

    def padding(self) -> tuple[int, int, int]:
        return rgb(self.background)

    def _skip(self, file: PictureFile, reason: str) -> None:
        if self.strict:
            raise UserError(
                f"{file.path} cannot be read",
                why=reason,
                fix="mend or remove the file, or write data.strict=false to skip it",
            )
        self._skipped.append((file.name, reason))

    def _decoded(self, files: list[PictureFile], start: int) -> Iterator[tuple[int, NDArray[np.uint8] | Unreadable]]:
        """Each file's number with its pixels, fitted, or the reason why not; in order, decoded a few ahead in threads."""
        background = self.padding()
        # Twice the size that is asked for, so that a JPEG decoded small still gets a proper reduction.
        at_least = None if self.fit == "refuse" else 2 * max(self.size)

        def read(file: PictureFile) -> NDArray[np.uint8] | Unreadable:
            if file.problem:
                return Unreadable(file.problem)
            try:
                pixels = decode(file.path, background, at_least)
            except Unreadable as reason:
                return reason
            return fit_picture(pixels, self.size, self.channels, self.fit, padding=background, name=file.name)

        def read_all(numbers: range) -> list[NDArray[np.uint8] | Unreadable]:
            return [read(files[number]) for number in numbers]

        workers = usable_cores()
        batches = (range(low, min(low + _TOGETHER, len(files))) for low in range(start, len(files), _TOGETHER))
        with ThreadPoolExecutor(workers, thread_name_prefix="tilework-decode") as pool:
            coming = deque((batch, pool.submit(read_all, batch)) for batch in islice(batches, _AHEAD * workers))
            try:
                while coming:
                    batch, future = coming.popleft()
                    read_ones = future.result()
                    coming.extend((later, pool.submit(read_all, later)) for later in islice(batches, 1))
                    yield from zip(batch, read_ones, strict=True)
            finally:
                for _, future in coming:
                    future.cancel()


def _numbered_by_folder(files: list[PictureFile]) -> list[int]:
    """The number of each file within its folder; one that cannot be read leaves a gap, as a missing frame does."""
    count: dict[str, int] = {}
    numbers = []
    for file in files:
        count[file.folder] = count.get(file.folder, -1) + 1
        numbers.append(count[file.folder])
    return numbers
