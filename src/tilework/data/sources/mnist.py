"""`mnist`: the handwritten digits of LeCun, Cortes and Burges, or any set in the same four idx files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field

from tilework.data.contract import Item, SourceConfig
from tilework.data.download import fetch
from tilework.data.idx import read_idx
from tilework.errors import UserError
from tilework.spec import PictureSize, Size
from tilework.spec.places import cache_folder

_BASES = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
# The published files' MD5; they are checked where the default addresses are used.
_MD5 = {
    "train-images-idx3-ubyte": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte": "ec29112dd5afa0611ce80d1b7f02629c",
}


class Config(SourceConfig):
    """60,000 training digits and 10,000 official test digits, 28x28; the test digits are always the held-out side."""

    kind: Literal["mnist"] = "mnist"
    size: PictureSize = Field(default=Size(28, 28), description="pixels of every picture, width x height")
    channels: Literal[1, 3] = Field(default=1, description="1 = grey, 3 = colour")
    path: str | None = Field(
        default=None, description="folder with the four idx files (.gz or not), or one above MNIST/raw; null = download"
    )
    url: str | None = Field(
        default=None, description="web address of a folder that has the four idx.gz files; null = the usual two"
    )
    limit: int | None = Field(
        default=None, ge=1, description="first n training pictures, and the same share of the test pictures; null = all"
    )

    def fingerprint(self) -> str:
        if self.path is None:
            return self.settings_text()
        about = [(path, path.stat()) for path in self._in_folder(Path(self.path).expanduser().absolute()).values()]
        return f"{self.settings_text()} " + " ".join(f"{p} {s.st_size} {s.st_mtime_ns}" for p, s in about)

    def items(self) -> Iterator[Item]:
        files = self._downloaded() if self.path is None else self._in_folder(Path(self.path).expanduser().absolute())
        share = 1.0
        for part, held_out in (("train", False), ("t10k", True)):
            pictures = read_idx(files[f"{part}-images-idx3-ubyte"], 3)
            labels = read_idx(files[f"{part}-labels-idx1-ubyte"], 1)
            if len(pictures) != len(labels):
                raise UserError(
                    f"the {part} files have {len(pictures):,} pictures and {len(labels):,} labels",
                    why="they belong to different sets",
                    fix="put the four files of one set into the folder",
                )
            if self.limit is not None and not held_out:
                share = min(1.0, self.limit / max(1, len(pictures)))
            count = max(1, round(share * len(pictures)))
            for number in range(min(count, len(pictures))):
                yield Item(
                    pixels=pictures[number][:, :, None],
                    group=f"{part} {number}",
                    label=str(labels[number]),
                    file=f"{part}-images-idx3-ubyte",
                    held_out=held_out,
                )

    def _in_folder(self, folder: Path) -> dict[str, Path]:
        if not folder.is_dir():
            raise UserError(
                f"there is no folder {folder}", why="data.path does not exist", fix="write data.path=FOLDER"
            )
        for place in (folder, folder / "raw", folder / "MNIST" / "raw"):
            found = {name: path for name in _MD5 if (path := _first(place, name)) is not None}
            if len(found) == len(_MD5):
                return found
        raise UserError(
            f"{folder} does not hold MNIST",
            why=f"neither it nor MNIST/raw below it has the four files {', '.join(_MD5)} (.gz or not)",
            fix="put them there, or leave data.path out to download them",
        )

    def _downloaded(self) -> dict[str, Path]:
        fix = "fetch the four idx.gz files elsewhere and write data.path=FOLDER, or use data.kind=digits, which needs no network"
        # Another address is another set: Fashion-MNIST's files, for one, have the same names.
        place = "mnist" if self.url is None else "mnist-" + "".join(c if c.isalnum() else "-" for c in self.url)[-80:]
        folder = cache_folder() / "downloads" / place
        bases = _BASES if self.url is None else (self.url,)
        found = {}
        for name, md5 in _MD5.items():
            found[name] = fetch(f"{name}.gz", bases, folder, md5 if self.url is None else None, fix)
        return found


def _first(folder: Path, name: str) -> Path | None:
    """The file in `folder`, plain or gzipped, also with a dot before `idx` as some copies have it."""
    for stem in (name, name.replace("-idx", ".idx")):
        for path in (folder / stem, folder / f"{stem}.gz"):
            if os.path.isfile(path):
                return path
    return None
