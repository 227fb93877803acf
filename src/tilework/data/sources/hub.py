"""`hub`: an image data set of the Hugging Face hub, or one in a folder."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PrivateAttr

from tilework.data.contract import Item, SourceConfig
from tilework.data.files.skipping import Skipped
from tilework.data.media.colour import Colour, rgb
from tilework.errors import UserError
from tilework.spec.hints import unset

# Part of the fingerprint: raise it when images come to be read differently.
_REVISION = 2


class Config(SourceConfig):
    """The images in one column of a data set that the `datasets` library reads; needs the extra `hub`.

    A folder may be one that `save_to_disk` wrote, or one with parquet files or images. The column of images is found by
    itself where there is one, and the only column of classes gives the labels. An image that cannot be read is skipped
    and listed, unless `strict`.
    """

    kind: Literal["hub"] = "hub"
    id: str = Field(default="", description="name of the data set, owner/name")
    path: str | None = Field(default=None, description="folder with the data set, in place of one of the hub")
    revision: str | None = Field(
        default=None, description="version of a hub data set: tag, branch or commit", json_schema_extra=unset("newest")
    )
    split_name: str = Field(default="train", min_length=1, description="which of the data set's own splits to read")
    column: str | None = Field(
        default=None,
        min_length=1,
        description="column that holds the images",
        json_schema_extra=unset("the only one that does"),
    )
    labels: str | None = Field(
        default=None,
        min_length=1,
        description="column that holds the labels",
        json_schema_extra=unset("the only column of classes, if any"),
    )
    background: Colour = Field(
        default="white", description="colour under transparent pixels and around padded ones: a name or #rrggbb"
    )
    strict: bool = Field(default=False, description="stop at the first image that cannot be read")
    limit: int | None = Field(default=None, ge=1, description="first n rows only", json_schema_extra=unset("all"))

    _skipped: Skipped = PrivateAttr(default_factory=Skipped)

    def fingerprint(self) -> str:
        folder = self._folder()
        if folder is None:
            return f"{self.settings_text()} revision {_REVISION}"
        inside = sorted((p for p in folder.rglob("*") if p.is_file() and "cache-" not in p.name), key=str)
        about = [(p.relative_to(folder), p.stat()) for p in inside]
        marks = (f"{str(p)!r} {s.st_size} {s.st_mtime_ns}" for p, s in about)
        return " ".join([self.settings_text(), f"revision {_REVISION}", str(folder), *marks])

    def items(self) -> Iterator[Item]:
        given = False
        for item in self._items(0):
            given = True
            yield item
        if not given:
            raise self._skipped.none_left("images")

    def items_after(self, file: str, frame: int) -> Iterator[Item]:
        """As `items()` from behind that row on; nothing before it is unpacked."""
        return self._items(frame + 1)

    def unreadable(self) -> list[tuple[str, str]]:
        return list(self._skipped.entries)

    def padding(self) -> tuple[int, int, int]:
        return rgb(self.background)

    def _folder(self) -> Path | None:
        if self.path is None:
            if not self.id:
                raise UserError(
                    "data.kind=hub needs a data set",
                    why="neither data.id nor data.path is given",
                    fix="write data.id=OWNER/NAME, or data.path=FOLDER",
                )
            return None
        folder = Path(self.path).expanduser().absolute()
        if not folder.is_dir():
            raise UserError(
                f"there is no folder {folder}",
                why="data.path of data.kind=hub names a folder with a data set",
                fix="check the spelling, or write data.id=OWNER/NAME for one of the hub",
            )
        return folder

    def _items(self, start: int) -> Iterator[Item]:
        from tilework.data.media.images import Unreadable, decode_bytes

        self._skipped = Skipped(self.strict)
        rows, column, names = self._opened()
        end = len(rows) if self.limit is None else min(self.limit, len(rows))
        file = self.id if self.path is None else Path(self.path).name
        label_column, classes = names
        for number in range(start, end):
            row = rows[number]
            try:
                pixels = decode_bytes(_encoded(row[column]), self.padding())
            except Unreadable as reason:
                self._skipped.skip(f"{file} row {number}", str(reason))
                continue
            label = None if label_column is None else _word(row[label_column], classes)
            yield Item(pixels=pixels, group=f"{file} row {number}", frame=number, label=label, file=file)

    def _opened(self) -> tuple[Any, str, tuple[str | None, list[str] | None]]:
        """(rows, image column, (label column, its classes)), with images left packed."""
        try:
            import datasets
        except ImportError:
            raise UserError(
                "data.kind=hub needs the library `datasets`",
                why="it is not installed",
                fix="pip install 'tilework[hub]'",
            ) from None
        rows = self._split(datasets)
        column = self._image_column(rows, datasets)
        if isinstance(rows.features[column], datasets.Image):
            rows = rows.cast_column(column, datasets.Image(decode=False))
        label_column = self._label_column(rows, datasets)
        keep = [column] + ([label_column] if label_column is not None else [])
        feature = None if label_column is None else rows.features[label_column]
        classes = list(feature.names) if isinstance(feature, datasets.ClassLabel) else None
        return rows.select_columns(keep), column, (label_column, classes)

    def _split(self, datasets: Any) -> Any:
        folder = self._folder()
        what = f"the data set {self.id}" if folder is None else str(folder)
        datasets.disable_progress_bars()
        try:
            if folder is None:
                found = datasets.load_dataset(self.id, revision=self.revision)
            elif any((folder / name).is_file() for name in ("dataset_info.json", "dataset_dict.json", "state.json")):
                found = datasets.load_from_disk(str(folder))
            else:
                found = datasets.load_dataset(str(folder))
        except Exception as error:  # the library raises a dozen kinds, network and file system among them
            raise UserError(
                f"{what} cannot be read",
                why=(str(error).strip() or type(error).__name__).splitlines()[0],
                fix="check its name, and the network where it is one of the hub"
                if folder is None
                else "give a folder that `save_to_disk` wrote, or one with parquet files or images",
            ) from None
        if not hasattr(found, "keys"):
            return found
        if self.split_name not in found:
            names = ", ".join(map(str, found))
            raise UserError(
                f"{what} has no split '{self.split_name}'",
                why=f"its splits are {names}",
                fix=f"write data.split_name= one of {names}",
            )
        return found[self.split_name]

    def _image_column(self, rows: Any, datasets: Any) -> str:
        columns = list(rows.features)
        found = [name for name, feature in rows.features.items() if isinstance(feature, datasets.Image)]
        if self.column is not None:
            if self.column not in columns:
                raise _no_column("column", self.column, columns)
            return self.column
        if not found:  # images stored as plain bytes
            found = [n for n, f in rows.features.items() if _looks_packed(f)]
        if len(found) != 1:
            raise UserError(
                f"the data set has {len(found)} columns of images",
                why=f"its columns are {', '.join(columns)}",
                fix="write data.column=NAME",
            )
        return str(found[0])

    def _label_column(self, rows: Any, datasets: Any) -> str | None:
        columns = list(rows.features)
        if self.labels is not None:
            if self.labels not in columns:
                raise _no_column("labels", self.labels, columns)
            return self.labels
        found = [str(name) for name, feature in rows.features.items() if isinstance(feature, datasets.ClassLabel)]
        return found[0] if len(found) == 1 else None


def _no_column(field: str, name: str, columns: list[str]) -> UserError:
    names = ", ".join(columns)
    return UserError(
        f"the data set has no column '{name}'",
        why=f"its columns are {names}",
        fix=f"write data.{field}= one of {names}",
    )


def _looks_packed(feature: Any) -> bool:
    """Bytes, or the pair of bytes and path that images are stored as."""
    inner = feature.get("bytes") if isinstance(feature, dict) else feature
    return getattr(inner, "dtype", "") in {"binary", "large_binary"}


def _encoded(cell: Any) -> bytes:
    """The file that a cell holds or points at."""
    from tilework.data.media.images import Unreadable

    if isinstance(cell, dict):
        if cell.get("bytes") is None and cell.get("path"):
            try:
                return Path(cell["path"]).read_bytes()
            except OSError as error:
                raise Unreadable(error.strerror or str(error)) from None
        cell = cell.get("bytes")
    if cell is None:
        raise Unreadable("there is no image in this row")
    if not isinstance(cell, bytes):
        made = io.BytesIO()
        if not hasattr(cell, "save"):
            raise Unreadable(f"there is no image but {type(cell).__name__} in this row")
        cell.save(made, format="PNG")
        return made.getvalue()
    return cell


def _word(value: Any, classes: list[str] | None) -> str | None:
    if value is None or (classes is not None and not 0 <= int(value) < len(classes)):
        return None
    return classes[int(value)] if classes is not None else str(value)
