"""`array`: images from a `.npy` or `.npz` file."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from tilework.data.contract import Item, Note, Seen, SourceConfig
from tilework.data.files.npz import Chosen, Shape, are_a_split, chosen, heads, images_among, label_text, notes
from tilework.data.media.depth import Depth, TooDeep
from tilework.errors import UserError
from tilework.spec.hints import unset

# Part of the fingerprint: raise it when arrays come to be read differently.
_REVISION = 2
_NO_LABELS = "none"


class Config(SourceConfig):
    """An array (N, H, W), (N, H, W, 1 or 3) or (N, 1 or 3, H, W): uint8, uint16 or floating point in [0, 1]; never a pickle.

    Of an .npz with x_train, y_train, x_test and y_test (or the like) the arrays for testing are held out.
    """

    kind: Literal["array"] = "array"
    path: str = Field(min_length=1, description=".npy or .npz file")
    key: str | None = Field(
        default=None,
        description="name of the images in an .npz",
        json_schema_extra=unset(
            "the only array that has the shape of images, or those called x_train and x_test or the like"
        ),
    )
    labels_key: str | None = Field(
        default=None,
        description="name of the labels (N,) in an .npz; none = no labels",
        json_schema_extra=unset("y, labels or the like, where it has one integer or word for each image"),
    )
    depth: int | None = Field(
        default=None,
        ge=8,
        le=16,
        description="bits that uint16 values really use (12 for many cameras)",
        json_schema_extra=unset("16"),
    )

    _seen: Seen = PrivateAttr(default_factory=Seen)
    _notes: list[Note] = PrivateAttr(default_factory=list)

    def fingerprint(self) -> str:
        path = self._path()
        about = path.stat()
        return f"{self.settings_text()} revision {_REVISION} {path} {about.st_size} {about.st_mtime_ns}"

    def items(self) -> Iterator[Item]:
        path, depth = self._path(), Depth(self.depth)
        self._seen, self._notes = Seen(), []
        parts: dict[str, bool] = {}
        for one, images, labels in self._load(path):
            if one.held_out is not None:
                parts[one.images] = one.held_out
            channels_first = _layout(images, path)
            for number, image in enumerate(images):
                pixels = _to_uint8(image, number, path, depth)
                if pixels.ndim == 2:
                    pixels = pixels[:, :, None]
                elif channels_first:
                    pixels = pixels.transpose(1, 2, 0)
                yield Item(
                    pixels=np.ascontiguousarray(pixels),
                    group=str(number) if one.held_out is None else f"{one.images} {number}",
                    label=None if labels is None else label_text(labels[number]),
                    file=path.name,
                    held_out=one.held_out,
                )
        bits = depth.unused()
        self._seen = Seen(parts, unused_depth=None if bits is None else (depth.files, bits))

    def seen(self) -> Seen:
        return self._seen

    def notes(self) -> list[Note]:
        return list(self._notes)

    def _path(self) -> Path:
        path = Path(self.path).expanduser().absolute()
        if not path.is_file():
            raise UserError(
                f"there is no file {path}", why="data.path must name an .npy or .npz file", fix="write data.path=FILE"
            )
        return path

    def _load(self, path: Path) -> Iterator[tuple[Chosen, NDArray[Any], NDArray[Any] | None]]:
        """Each array of images with its labels; one at a time is in memory."""
        try:
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as packed:
                    arrays = heads(packed)
                taken = self._chosen(arrays, path)
                self._notes = list(notes(arrays, taken, path.name)) if self.labels_key is None else []
                with np.load(path, allow_pickle=False) as archive:
                    for one in taken:
                        images = archive[one.images]
                        yield one, images, None if one.labels is None else _labels(archive, one, len(images), path)
                return
            if self.key or self.labels_key not in {None, _NO_LABELS}:
                raise UserError(
                    f"{path} holds one array without a name",
                    why="data.key and data.labels_key name arrays of an .npz file",
                    fix="save images and labels together with numpy.savez(FILE, images=..., labels=...)",
                )
            yield Chosen(""), np.load(path, mmap_mode="r", allow_pickle=False), None
        except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            pickled = "pickle" in str(error).lower()
            raise UserError(
                f"{path} cannot be read as an array",
                why="it holds Python objects (a pickle), which may run code when read" if pickled else str(error),
                fix="save it again with numpy.save as uint8",
            ) from None

    def _chosen(self, arrays: dict[str, Shape], path: Path) -> list[Chosen]:
        without = self.labels_key == _NO_LABELS and _NO_LABELS not in arrays
        labels_key = (
            None if self.labels_key is None or without else _existing(arrays, self.labels_key, "data.labels_key", path)
        )
        if self.key is not None:
            images = [_existing(arrays, self.key, "data.key", path)]
        else:
            images = images_among(arrays, labels_key)
            if len(images) != 1 and not are_a_split(images):
                raise UserError(
                    f"{path} holds {len(images)} arrays that could be the images",
                    why=f"its arrays are {', '.join(arrays)}",
                    fix="write data.key=NAME",
                )
        taken = chosen(arrays, images, labels_key)
        return [replace(one, labels=None) for one in taken] if without else taken


def _labels(archive: Any, one: Chosen, count: int, path: Path) -> NDArray[Any]:
    labels: NDArray[Any] = archive[one.labels]
    if labels.shape not in {(count,), (count, 1)}:
        raise UserError(
            f"{path}: {one.labels} has shape {labels.shape} for {count:,} images",
            why="labels are one number or word per image",
            fix=f"save them with shape ({count},)",
        )
    return labels.reshape(count)


def _existing(arrays: dict[str, Shape], key: str, field: str, path: Path) -> str:
    if key not in arrays:
        names = ", ".join(arrays)
        raise UserError(
            f"{path} has no array '{key}'", why=f"its arrays are {names}", fix=f"write {field}= one of {names}"
        )
    return key


def _layout(images: NDArray[Any], path: Path) -> bool:
    """Whether the colours come before the rows; raises UserError for an array that is not images."""
    shape = images.shape
    if (
        len(shape) not in {3, 4}
        or 0 in shape
        or (len(shape) == 4 and shape[3] not in {1, 3} and shape[1] not in {1, 3})
    ):
        raise UserError(
            f"{path} has shape {shape}",
            why="images are (N, H, W), (N, H, W, 1 or 3) or (N, 1 or 3, H, W)",
            fix="save the array in one of these shapes",
        )
    if images.dtype not in {np.dtype(np.uint8), np.dtype("<u2"), np.dtype(">u2")} and images.dtype.kind not in "fb":
        raise UserError(
            f"{path} has pixels of type {images.dtype}",
            why="pixels are uint8 in 0..255, uint16 in 0..65535 or floating point in [0, 1]",
            fix="save it with .astype(numpy.uint8) where its values are 0..255, or .astype(numpy.uint16) where they are larger",
        )
    return len(shape) == 4 and shape[3] not in {1, 3}


def _to_uint8(image: NDArray[Any], number: int, path: Path, depth: Depth) -> NDArray[np.uint8]:
    if image.dtype == np.uint8:
        return np.asarray(image)
    if image.dtype.kind == "u":
        try:
            return depth.levels(image)
        except TooDeep as error:
            raise UserError(
                f"{path}: image {number} does not fit data.depth", why=str(error), fix="write a larger data.depth"
            ) from None
    real = image.astype(np.float64)
    low, high = float(real.min()), float(real.max())
    if not (low >= 0 and high <= 1):  # false for NaN too
        raise UserError(
            f"{path}: image {number} has values from {low:g} to {high:g}",
            why="floating-point pixels are read as [0, 1]",
            fix="divide them by 255 (or save them as uint8) and save again"
            if high > 1 and low >= 0
            else "bring them to [0, 1] and save again",
        )
    return np.rint(real * 255).astype(np.uint8)
