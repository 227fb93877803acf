"""`images`: a folder or archive of images; class folders become labels, train and val folders the split."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, PrivateAttr

from tilework.data.contract import Item, Note, Seen, SourceConfig
from tilework.data.cores import usable_cores
from tilework.data.files.folder import ImageFile, Listing, image_files
from tilework.data.files.layout import Layout, layout_of
from tilework.data.files.named_files import Paths, given_paths
from tilework.data.files.reading import WAITING_BYTES, Batch, batches, decode_file, shares
from tilework.data.media.colour import Colour, rgb
from tilework.data.media.depth import Depth
from tilework.data.media.fit import fit_image
from tilework.data.media.images import Unreadable
from tilework.errors import UserError
from tilework.spec.hints import unset

# Part of the fingerprint: raise it when images come to be read differently.
_REVISION = 2
_AHEAD = 3  # batches that wait for each thread


def _renamed(raw: object) -> object:
    """Stored specs of earlier versions have the old word."""
    return "image" if raw == "picture" else raw


class Config(SourceConfig):
    """Images of a folder and the folders below it, or of a .zip or .tar: PNG, JPEG, WebP, BMP, TIFF, AVIF, GIF, PNM and others.

    Where every image lies in a first-level folder, those folders' names are the labels; where they are called train, val, test
    or the like, they are the split, and the folders below them the labels. Files that cannot be read are skipped, counted and
    listed, unless `strict`.
    """

    kind: Literal["images"] = "images"
    path: Paths = Field(description="folder of images, .zip or .tar of them, image file, or a list of these")
    folders: Literal["auto", "labels"] = Field(
        default="auto",
        description="what first-level folders are: labels, or where all of them are called train, val, test or the like, the "
        "split, with labels below; labels = always labels",
    )
    group: Annotated[Literal["image", "folder"], BeforeValidator(_renamed)] = Field(
        default="image",
        description="what stays on one side of the split: each image alone, or all of a folder (frames of one clip)",
    )
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
    limit: int | None = Field(
        default=None,
        ge=1,
        description="first n images only, in natural order, the same share of each part of a split",
        json_schema_extra=unset("all"),
    )

    _skipped: list[tuple[str, str]] = PrivateAttr(default_factory=list)
    _seen: Seen = PrivateAttr(default_factory=Seen)
    _notes: list[Note] = PrivateAttr(default_factory=list)

    def fingerprint(self) -> str:
        listing = hashlib.sha256()
        for file in image_files(self.path).files:
            listing.update(f"{file.name!r} {file.bytes} {file.modified_ns}\n".encode())
        paths = " ".join(map(str, given_paths(self.path)))
        return f"{self.settings_text()} revision {_REVISION} {paths} {listing.hexdigest()}"

    def expected(self) -> int:
        return min(sum(not file.problem for file in image_files(self.path).files), self.limit or 2**62)

    def items(self) -> Iterator[Item]:
        return self._items(image_files(self.path), 0)

    def items_after(self, file: str, frame: int) -> Iterator[Item]:
        listing = image_files(self.path)
        place = next((number for number, one in enumerate(listing.files) if one.name == file), None)
        if place is None or self.limit is not None:  # how many were readable before decides where `limit` ends
            yield from super().items_after(file, frame)
        else:
            yield from self._items(listing, place + 1)

    def seen(self) -> Seen:
        return self._seen

    def notes(self) -> list[Note]:
        return list(self._notes)

    def unreadable(self) -> list[tuple[str, str]]:
        return list(self._skipped)

    def padding(self) -> tuple[int, int, int]:
        return rgb(self.background)

    def _items(self, listing: Listing, start: int) -> Iterator[Item]:
        self._skipped, self._notes = [], []
        files, depth = listing.files, Depth(self.depth)
        layout = layout_of((file.name for file in files if not file.problem), self.folders == "auto", listing.parts)
        self._seen = layout.seen(listing.others)
        frames = _numbered_by_folder(files) if self.group == "folder" else None
        left = shares(files, layout, self.limit)
        given = 0
        note_kinds: dict[int, list[str]] = {}
        for number, pixels in self._decoded(files, start, layout, left, depth, note_kinds):
            file = files[number]
            if isinstance(pixels, Unreadable):
                self._skip(file, str(pixels))
                continue
            place = layout.place(file.name)
            if left is not None:
                if not left[place.part]:
                    continue
                left[place.part] -= 1
            self._notes += [Note(file.name, kind) for kind in note_kinds.pop(number, ())]
            yield Item(
                pixels=pixels,
                group=file.name if frames is None else file.folder,
                frame=0 if frames is None else frames[number],
                label=place.label,
                file=file.name,
                held_out=place.held_out,
            )
            given += 1
            if left is not None and not any(left.values()):
                break
        if not given and start == 0:
            raise self._none_left()
        deep = self._unused_depth(files[:start], depth)
        self._seen = layout.seen(listing.others, deep)

    def _unused_depth(self, before: list[ImageFile], depth: Depth) -> tuple[int, int] | None:
        """(deep files, bits) where all fit fewer bits; `before` are the files of an interrupted preparation, seen only then."""
        for file in before:
            if depth.unused() is None:
                return None
            if not file.problem:
                decode_file(file, self.padding(), None, depth)
        bits = depth.unused()
        return None if bits is None else (depth.files, bits)

    def _none_left(self) -> UserError:
        name, reason = self._skipped[0]
        where = ", ".join(map(str, given_paths(self.path)))
        count = len(self._skipped)
        return UserError(
            f"none of the {count} image files in {where} can be read"
            if count > 1
            else f"{where} has no image that can be read",
            why=f"{name}: {reason}" + (" (the first of them)" if count > 1 else ""),
            fix="give a folder with whole images",
        )

    def _skip(self, file: ImageFile, reason: str) -> None:
        if self.strict:
            raise UserError(
                f"{file.path} cannot be read",
                why=reason,
                fix="repair or remove the file, or write data.strict=false to skip it",
            )
        self._skipped.append((file.name, reason))

    def _decoded(
        self,
        files: list[ImageFile],
        start: int,
        layout: Layout,
        left: Counter[str] | None,
        depth: Depth,
        note_kinds: dict[int, list[str]],
    ) -> Iterator[tuple[int, NDArray[np.uint8] | Unreadable]]:
        """Each file's number with its pixels, fitted, or the reason why not; in order, decoded a few ahead in threads.

        `note_kinds` is given the kinds of notes on each.
        """
        background = self.padding()
        # Twice the size that is asked for, so that a JPEG decoded small still gets a proper reduction.
        at_least = None if self.fit == "refuse" else 2 * max(self.size)

        def read(number: int, packed: bytes | Unreadable | None) -> NDArray[np.uint8] | Unreadable:
            file = files[number]
            if problem := file.problem or layout.place(file.name).problem:
                return Unreadable(problem)
            notes: list[str] = []
            pixels = (
                packed
                if isinstance(packed, Unreadable)
                else decode_file(file, background, at_least, depth, packed, notes)
            )
            if notes:
                note_kinds[number] = notes
            if isinstance(pixels, Unreadable):
                return pixels
            return fit_image(pixels, self.size, self.channels, self.fit, padding=background, name=file.name)

        def read_all(batch: Batch) -> list[NDArray[np.uint8] | Unreadable]:
            return [read(number, packed) for number, packed in batch.files]

        def wanted(number: int) -> bool:
            return left is None or bool(files[number].problem) or left[layout.place(files[number].name).part] > 0

        workers = usable_cores()
        todo = batches(files, start, wanted)
        coming: deque[tuple[Batch, Future[list[NDArray[np.uint8] | Unreadable]]]] = deque()
        with ThreadPoolExecutor(workers, thread_name_prefix="tilework-decode") as pool:
            try:
                while True:
                    while len(coming) < _AHEAD * workers and sum(one.waiting for one, _ in coming) < WAITING_BYTES:
                        if (batch := next(todo, None)) is None:
                            break
                        coming.append((batch, pool.submit(read_all, batch)))
                    if not coming:
                        return
                    batch, future = coming.popleft()
                    for (number, _), pixels in zip(batch.files, future.result(), strict=True):
                        yield number, pixels
            finally:
                for _, future in coming:
                    future.cancel()


def _numbered_by_folder(files: list[ImageFile]) -> list[int]:
    """The number of each file within its folder; one that cannot be read leaves a gap, as a missing frame does."""
    count: dict[str, int] = {}
    numbers = []
    for file in files:
        count[file.folder] = count.get(file.folder, -1) + 1
        numbers.append(count[file.folder])
    return numbers
