"""`mnist`: the handwritten digits of LeCun, Cortes and Burges, or any set in idx files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field

from tilework.data.contract import Item, Seen, SourceConfig
from tilework.data.files.download import fetch
from tilework.data.files.idx import read_idx
from tilework.data.files.idx_set import USUAL, IdxPart, idx_parts
from tilework.errors import UserError
from tilework.spec import ImageSize, Size
from tilework.spec.hints import unset
from tilework.spec.paths import cache_folder

_BASES = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
# The published files' MD5; they are checked where the default addresses are used.
_MD5 = {
    "train-images-idx3-ubyte": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte": "ec29112dd5afa0611ce80d1b7f02629c",
}


class Config(SourceConfig):
    """60,000 training digits and 10,000 official test digits, 28x28, which are held out; or your own idx files.

    A folder's files are known by their content: images are paired with as many labels, and where there are several files, the
    one that trains has train in its name, or is the larger of two. One file of images, with labels or without, is divided as
    `split` asks for.
    """

    kind: Literal["mnist"] = "mnist"
    size: ImageSize = Field(default=Size(28, 28), description="pixels of every image, width x height")
    channels: Literal[1, 3] = Field(default=1, description="1 = grey, 3 = colour")
    path: str | None = Field(
        default=None,
        description="folder with idx files (.gz or not), or one above them",
        json_schema_extra=unset("download MNIST"),
    )
    url: str | None = Field(
        default=None,
        description="web address of a folder that has the four idx.gz files",
        json_schema_extra=unset("the usual two"),
    )
    limit: int | None = Field(
        default=None,
        ge=1,
        description="first n training images, and the same share of the test images",
        json_schema_extra=unset("all"),
    )

    def fingerprint(self) -> str:
        if self.path is None:
            return self.settings_text()
        about = [(path, path.stat()) for part in self._parts() for path in part.files]
        return f"{self.settings_text()} " + " ".join(f"{p} {s.st_size} {s.st_mtime_ns}" for p, s in about)

    def items(self) -> Iterator[Item]:
        share = 1.0
        for part in self._parts():
            images = read_idx(part.images, 3)
            labels = None if part.labels is None else read_idx(part.labels, 1)
            if labels is not None and len(images) != len(labels):
                raise UserError(
                    f"the {part.name} files have {len(images):,} images and {len(labels):,} labels",
                    why="they belong to different sets",
                    fix="put the four files of one set into the folder",
                )
            if self.limit is not None and not part.held_out:
                share = min(1.0, self.limit / max(1, len(images)))
            count = max(1, round(share * len(images)))
            for number in range(min(count, len(images))):
                yield Item(
                    pixels=images[number][:, :, None],
                    group=f"{part.name} {number}",
                    label=None if labels is None else str(labels[number]),
                    file=f"{part.name}-images-idx3-ubyte" if part.name in USUAL else part.name,
                    held_out=part.held_out,
                )

    def seen(self) -> Seen:
        parts = {part.name: part.held_out for part in self._parts()}
        return Seen({name: held_out for name, held_out in parts.items() if held_out is not None})

    def _parts(self) -> list[IdxPart]:
        if self.path is None:
            files = self._downloaded()
            return [
                IdxPart(part, files[f"{part}-images-idx3-ubyte"], files[f"{part}-labels-idx1-ubyte"], part == "t10k")
                for part in USUAL
            ]
        folder = Path(self.path).expanduser().absolute()
        if not folder.is_dir():
            raise UserError(
                f"there is no folder {folder}", why="data.path does not exist", fix="write data.path=FOLDER"
            )
        return idx_parts(folder)

    def _downloaded(self) -> dict[str, Path]:
        fix = "fetch the four idx.gz files elsewhere and write data.path=FOLDER"
        if self.url is None:  # of another set than MNIST, other digits are no stand-in
            fix += ", or use data.kind=digits, which needs no network"
        # Another address is another set: Fashion-MNIST's files, for one, have the same names.
        place = "mnist" if self.url is None else "mnist-" + "".join(c if c.isalnum() else "-" for c in self.url)[-80:]
        folder = cache_folder() / "downloads" / place
        bases = _BASES if self.url is None else (self.url,)
        found = {}
        for name, md5 in _MD5.items():
            found[name] = fetch(f"{name}.gz", bases, folder, md5 if self.url is None else None, fix)
        return found
