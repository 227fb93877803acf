"""Metrics as a CSV file beside the store, for spreadsheets and data frames: one row per split and logged step."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from tilework.errors import UserError
from tilework.runs.atomic import atomic_write_text, write_error
from tilework.runs.folder import RunFolder

_FIXED = ["split", "step", "epoch"]


class CsvTracker:
    """Appends to `metrics.csv` in a run folder: columns split, step, epoch, then one per metric, empty where not logged.

    A metric that appears later gets a column at the end (the file is rewritten once, atomically). A file that is there
    already is continued; a last line cut short by a kill is dropped. Each row reaches the file at once.
    """

    def __init__(self, folder: RunFolder | Path) -> None:
        self.path = (folder if isinstance(folder, Path) else folder.path) / "metrics.csv"
        self._file: IO[str] | None = None
        self._columns = list(_FIXED)
        lines = self._whole_lines()
        if lines:
            self._columns = next(csv.reader([lines[0]]))
            if self._columns[:3] != _FIXED:
                raise UserError(
                    f"{self.path} is not a metrics file of tilework",
                    why=f"its first columns are {', '.join(self._columns[:3])}",
                    fix="move the file away; the run then writes a new one",
                )
            atomic_write_text(self.path, "".join(lines))

    def log(self, step: int, epoch: float, values: Mapping[str, float], split: str = "train") -> None:
        """Append one row. Raises UserError where the disk is full or the folder may not be written."""
        row = {"split": split, "step": str(int(step)), "epoch": repr(float(epoch))}
        row |= {name: repr(float(value)) for name, value in values.items()}
        new = [name for name in row if name not in self._columns]
        try:
            if new or self._file is None:
                self._start(new)
            assert self._file is not None
            self._file.write(_line([row.get(name, "") for name in self._columns]))
            self._file.flush()
        except OSError as error:
            raise write_error(self.path, error) from error

    def rewind(self, step: int) -> None:
        """Drop the rows after `step`, for a resume from a checkpoint made at `step`."""
        self.close()
        lines = self._whole_lines()
        kept = lines[:1] + [line for line in lines[1:] if int(next(csv.reader([line]))[1]) <= step]
        if kept != lines:
            atomic_write_text(self.path, "".join(kept))

    def close(self) -> None:
        """Let go of the file. A later `log` opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _start(self, new: list[str]) -> None:
        """Open for appending, under a header that has the `new` columns."""
        self.close()
        lines = self._whole_lines()
        if new or not lines:
            self._columns += new
            atomic_write_text(self.path, _line(self._columns) + "".join(_widen(line, len(new)) for line in lines[1:]))
        self._file = self.path.open("a", encoding="utf-8", newline="")

    def _whole_lines(self) -> list[str]:
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        return [line for line in text.splitlines(keepends=True) if line.endswith("\n")]


def _line(cells: list[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def _widen(line: str, columns: int) -> str:
    return line.rstrip("\n") + "," * columns + "\n"
