"""`array`: pictures from a `.npy` or `.npz` file."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from tilework.data.contract import Item, Seen, SourceConfig
from tilework.data.depth import Depth, TooDeep
from tilework.errors import UserError


class Config(SourceConfig):
    """An array (N, H, W), (N, H, W, 1 or 3) or (N, 1 or 3, H, W): uint8, uint16 or floating point in [0, 1]; never a pickle."""

    kind: Literal["array"] = "array"
    path: str = Field(min_length=1, description=".npy or .npz file")
    key: str | None = Field(
        default=None,
        description="name of the pictures in an .npz; null = the only array that has the shape of pictures",
    )
    labels_key: str | None = Field(default=None, description="name of the labels (N,) in an .npz; null = no labels")

    depth: int | None = Field(
        default=None, ge=8, le=16, description="bits that uint16 values really use (12 for many cameras); null = 16"
    )

    _seen: Seen = PrivateAttr(default_factory=Seen)

    def fingerprint(self) -> str:
        path = self._path()
        about = path.stat()
        return f"{self.settings_text()} {path} {about.st_size} {about.st_mtime_ns}"

    def items(self) -> Iterator[Item]:
        path = self._path()
        pictures, labels = self._load(path)
        channels_first = _layout(pictures, path)
        depth = Depth(self.depth)
        self._seen = Seen()
        for number, picture in enumerate(pictures):
            pixels = _to_uint8(picture, number, path, depth)
            if pixels.ndim == 2:
                pixels = pixels[:, :, None]
            elif channels_first:
                pixels = pixels.transpose(1, 2, 0)
            label = None if labels is None else str(labels[number])
            yield Item(pixels=np.ascontiguousarray(pixels), group=str(number), frame=0, label=label, file=path.name)
        bits = depth.unused()
        self._seen = Seen(unused_depth=None if bits is None else (depth.files, bits))

    def seen(self) -> Seen:
        return self._seen

    def _path(self) -> Path:
        path = Path(self.path).expanduser().absolute()
        if not path.is_file():
            raise UserError(
                f"there is no file {path}", why="data.path must name an .npy or .npz file", fix="write data.path=FILE"
            )
        return path

    def _load(self, path: Path) -> tuple[NDArray[Any], NDArray[Any] | None]:
        try:
            if zipfile.is_zipfile(path):
                with np.load(path, allow_pickle=False) as archive:
                    pictures = archive[self._pictures_key(archive, path)]
                    labels = self._labels(archive, path, len(pictures))
                return pictures, labels
            if self.key or self.labels_key:
                raise UserError(
                    f"{path} holds one array without a name",
                    why="data.key and data.labels_key name arrays of an .npz file",
                    fix="save pictures and labels together with numpy.savez(FILE, images=..., labels=...)",
                )
            return np.load(path, mmap_mode="r", allow_pickle=False), None
        except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            pickled = "pickle" in str(error).lower()
            raise UserError(
                f"{path} cannot be read as an array",
                why="it holds Python objects (a pickle), which may run code when read" if pickled else str(error),
                fix="save it again with numpy.save as uint8",
            ) from None

    def _pictures_key(self, archive: Any, path: Path) -> str:
        if self.key is not None:
            return _existing(archive, self.key, "data.key", path)
        if len(archive.files) == 1:
            return str(archive.files[0])
        likely = [name for name in archive.files if archive[name].ndim in {3, 4}]
        if len(likely) != 1:
            raise UserError(
                f"{path} holds {len(likely)} arrays that could be the pictures",
                why=f"its arrays are {', '.join(archive.files)}",
                fix="write data.key=NAME",
            )
        return str(likely[0])

    def _labels(self, archive: Any, path: Path, count: int) -> NDArray[Any] | None:
        if self.labels_key is None:
            return None
        labels: NDArray[Any] = archive[_existing(archive, self.labels_key, "data.labels_key", path)]
        if labels.shape != (count,):
            raise UserError(
                f"{path}: {self.labels_key} has shape {labels.shape} for {count:,} pictures",
                why="labels are one number or word per picture",
                fix=f"save them with shape ({count},)",
            )
        return labels


def _existing(archive: Any, key: str, field: str, path: Path) -> str:
    if key not in archive.files:
        names = ", ".join(archive.files)
        raise UserError(
            f"{path} has no array '{key}'", why=f"its arrays are {names}", fix=f"write {field}= one of {names}"
        )
    return key


def _layout(pictures: NDArray[Any], path: Path) -> bool:
    """Whether the colours come before the rows; raises UserError for an array that is not pictures."""
    shape = pictures.shape
    if (
        len(shape) not in {3, 4}
        or 0 in shape
        or (len(shape) == 4 and shape[3] not in {1, 3} and shape[1] not in {1, 3})
    ):
        raise UserError(
            f"{path} has shape {shape}",
            why="pictures are (N, H, W), (N, H, W, 1 or 3) or (N, 1 or 3, H, W)",
            fix="save the array in one of these shapes",
        )
    if pictures.dtype not in {np.dtype(np.uint8), np.dtype("<u2"), np.dtype(">u2")} and pictures.dtype.kind not in "fb":
        raise UserError(
            f"{path} has pixels of type {pictures.dtype}",
            why="pixels are uint8 in 0..255, uint16 in 0..65535 or floating point in [0, 1]",
            fix="save it with .astype(numpy.uint8) where its values are 0..255, or .astype(numpy.uint16) where they are larger",
        )
    return len(shape) == 4 and shape[3] not in {1, 3}


def _to_uint8(picture: NDArray[Any], number: int, path: Path, depth: Depth) -> NDArray[np.uint8]:
    if picture.dtype == np.uint8:
        return np.asarray(picture)
    if picture.dtype.kind == "u":
        try:
            return depth.levels(picture)
        except TooDeep as error:
            raise UserError(
                f"{path}: picture {number} does not fit data.depth", why=str(error), fix="write a larger data.depth"
            ) from None
    real = picture.astype(np.float64)
    low, high = float(real.min()), float(real.max())
    if not (low >= 0 and high <= 1):  # false for NaN too
        raise UserError(
            f"{path}: picture {number} has values from {low:g} to {high:g}",
            why="floating-point pixels are read as [0, 1]",
            fix="divide them by 255 (or save them as uint8) and save again"
            if high > 1 and low >= 0
            else "bring them to [0, 1] and save again",
        )
    return np.rint(real * 255).astype(np.uint8)
