"""`images`: a folder of pictures; class folders become labels."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor
from pydantic import AfterValidator, Field, PrivateAttr

from tilework.data.contract import Item, SourceConfig
from tilework.data.folder import PictureFile, picture_files
from tilework.data.pictures import Unreadable, decode
from tilework.errors import UserError

_AHEAD = 16


def _colour(text: str) -> str:
    try:
        ImageColor.getrgb(text)
    except ValueError:
        raise ValueError(f"'{text}' is not a colour; write a name such as white, or #rrggbb") from None
    return text


class Config(SourceConfig):
    """PNG, JPEG, WebP, BMP, GIF (first frame) and TIFF files of a folder and the folders below it.

    Where every picture lies in a first-level folder, those folders' names are the labels. Files that cannot be read are
    skipped, counted and listed, unless `strict`.
    """

    kind: Literal["images"] = "images"
    path: str = Field(min_length=1, description="folder of pictures")
    group: Literal["picture", "folder"] = Field(
        default="picture",
        description="what stays on one side of the split: each picture alone, or all of a folder (frames of one clip)",
    )
    background: Annotated[str, AfterValidator(_colour)] = Field(
        default="white", description="colour under transparent pixels and around padded ones: a name or #rrggbb"
    )
    strict: bool = Field(default=False, description="stop at the first file that cannot be read")
    limit: int | None = Field(default=None, ge=1, description="first n pictures only, in natural order; null = all")

    _skipped: list[tuple[str, str]] = PrivateAttr(default_factory=list)

    def fingerprint(self) -> str:
        listing = hashlib.sha256()
        for file in self._files():
            listing.update(f"{file.name!r} {file.bytes} {file.modified_ns}\n".encode())
        return f"{self.settings_text()} {self._folder()!s} {listing.hexdigest()}"

    def items(self) -> Iterator[Item]:
        self._skipped = []
        files = self._files()
        labelled = all(file.first_folder is not None for file in files)
        given = 0
        in_folder: dict[str, int] = {}
        for file, pixels in self._decoded(files):
            if isinstance(pixels, Unreadable):
                self._skip(file, str(pixels))
                continue
            frame = in_folder[file.folder] = in_folder.get(file.folder, -1) + 1
            yield Item(
                pixels=pixels,
                group=file.name if self.group == "picture" else file.folder,
                frame=0 if self.group == "picture" else frame,
                label=file.first_folder if labelled else None,
                file=file.name,
            )
            given += 1
            if given == self.limit:
                return
        if not given:
            name, reason = self._skipped[0]
            raise UserError(
                f"none of the {len(self._skipped)} picture files in {self._folder()} can be read",
                why=f"{name}: {reason}" + (" (the first of them)" if len(self._skipped) > 1 else ""),
                fix="give a folder with whole pictures",
            )

    def unreadable(self) -> list[tuple[str, str]]:
        return list(self._skipped)

    def padding(self) -> tuple[int, int, int]:
        red, green, blue = ImageColor.getrgb(self.background)[:3]
        return (red, green, blue)

    def _folder(self) -> Path:
        return Path(self.path).expanduser().absolute()

    def _files(self) -> list[PictureFile]:
        return picture_files(self._folder())

    def _skip(self, file: PictureFile, reason: str) -> None:
        if self.strict:
            raise UserError(
                f"{file.path} cannot be read",
                why=reason,
                fix="mend or remove the file, or write data.strict=false to skip it",
            )
        self._skipped.append((file.name, reason))

    def _decoded(self, files: list[PictureFile]) -> Iterator[tuple[PictureFile, NDArray[np.uint8] | Unreadable]]:
        """Each file with its pixels or the reason why not, in order, decoded a few ahead in threads."""
        background = self.padding()
        # Twice the size that is asked for, so that a JPEG decoded small still gets a proper reduction.
        at_least = None if self.fit == "refuse" else 2 * max(self.size)

        def read(file: PictureFile) -> NDArray[np.uint8] | Unreadable:
            try:
                return decode(file.path, background, at_least)
            except Unreadable as reason:
                return reason

        with ThreadPoolExecutor(thread_name_prefix="tilework-decode") as pool:
            todo = iter(files)
            coming: deque[tuple[PictureFile, Future[NDArray[np.uint8] | Unreadable]]] = deque()
            coming.extend((file, pool.submit(read, file)) for file in islice(todo, _AHEAD))
            try:
                while coming:
                    file, future = coming.popleft()
                    pixels = future.result()
                    coming.extend((later, pool.submit(read, later)) for later in islice(todo, 1))
                    yield file, pixels
            finally:
                for _, future in coming:
                    future.cancel()
