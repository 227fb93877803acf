"""What is known of each image of a frame store: one row of numbers, and the names that they stand for, kept once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

TABLE = "table.npy"
NAMES = "names.jsonl"
COLUMNS = ("file", "frame", "group", "label", "held_out", "dhash", "pixels")
"""Columns of the table, int64. `label` numbers the labels as they came; -1 = none, so for `held_out` where nothing is forced.
The last two are 64-bit hashes: of how the image looks (`twins.difference_hash`), and of its exact pixels."""


class Names(NamedTuple):
    """Names by number."""

    group: list[str]
    label: list[str]
    file: list[str]


def read_names(path: Path, nbytes: int) -> Names:
    """The names in the first `nbytes` of a file of names. Raises OSError, ValueError, KeyError."""
    names: dict[str, list[str]] = {kind: [] for kind in Names._fields}
    with open(path, "rb") as file:
        while file.tell() < nbytes:
            kind, name = json.loads(file.readline())
            names[kind].append(name)
    return Names(**names)


class NamesWriter:
    """Numbers names as they come and appends each new one to a file, whose first `kept` bytes stay."""

    def __init__(self, path: Path, kept: int = 0) -> None:
        before = read_names(path, kept) if kept else Names([], [], [])
        self._groups = {name: number for number, name in enumerate(before.group)}
        self._labels = {name: number for number, name in enumerate(before.label)}
        # Of files only the newest is remembered: they come one after the other, and one that came back is only named twice.
        self._files = len(before.file)
        self._last_file = before.file[-1] if before.file else None
        self.nbytes = kept
        self._out: BinaryIO = open(path, "r+b" if kept else "w+b")  # noqa: SIM115 - open across calls
        self._out.truncate(kept)
        self._out.seek(kept)
        self.fresh = b""
        """What was appended since it was last emptied."""

    @property
    def labels(self) -> list[str]:
        """All labels so far, by number."""
        return list(self._labels)

    def group(self, name: str) -> int:
        """Number of a group."""
        return self._number("group", name, self._groups)

    def label(self, name: str | None) -> int:
        """Number of a label; -1 for none."""
        return -1 if name is None else self._number("label", name, self._labels)

    def file(self, name: str) -> int:
        """Number of a file."""
        if name != self._last_file:
            self._last_file = name
            self._files += 1
            self._append("file", name)
        return self._files - 1

    def sync(self) -> BinaryIO:
        """The file, flushed."""
        self._out.flush()
        return self._out

    def close(self) -> None:
        """Close the file."""
        self._out.close()

    def _number(self, kind: str, name: str, known: dict[str, int]) -> int:
        number = known.get(name)
        if number is None:
            number = known[name] = len(known)
            self._append(kind, name)
        return number

    def _append(self, kind: str, name: str) -> None:
        line = json.dumps([kind, name]).encode() + b"\n"
        self._out.write(line)
        self.fresh += line
        self.nbytes += len(line)


def read_manifest(path: Path) -> dict[str, Any]:
    """A JSON object. Raises OSError, ValueError."""
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} holds no manifest")
    return found
