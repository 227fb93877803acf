"""Stored snapshots of a run, read back as arrays."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tilework.runs.folder import RunFolder
from tilework.runs.records import Snapshot


@dataclass(frozen=True)
class Moment:
    """One snapshot: where it was taken and its arrays."""

    step: int
    epoch: float
    arrays: dict[str, NDArray[Any]]


def evenly(rows: Sequence[Snapshot], most: int) -> list[Snapshot]:
    """At most `most` of the rows, evenly spread, the first and the last among them."""
    if len(rows) <= most:
        return list(rows)
    return [rows[i] for i in np.linspace(0, len(rows) - 1, most).round().astype(int)]


def load(run: RunFolder, rows: Sequence[Snapshot], needed: Sequence[str], lost: list[str]) -> list[Moment]:
    """The snapshots that can be read and hold the `needed` arrays; names of the others are added to `lost`."""
    moments = []
    for row in rows:
        # Only a name inside the run folder: the index is data, and data may have been copied from anywhere.
        path = (run.path / row.file).resolve()
        try:
            if not path.is_relative_to(run.path.resolve()):
                raise ValueError("outside the run folder")
            with np.load(path, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            if not set(needed) <= set(arrays):
                raise ValueError("arrays are missing")
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            lost.append(row.file)
            continue
        moments.append(Moment(row.step, row.epoch, arrays))
    return moments
