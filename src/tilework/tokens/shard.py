"""One shard: the tokens of some consecutive items, with what is known of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

COLUMNS = ("labels", "sides", "groups", "frames", "files", "mirrored")


@dataclass(frozen=True, eq=False)
class Table:
    """What is known of n items."""

    labels: NDArray[np.int64]
    """Position among the classes, -1 = none."""
    sides: NDArray[np.uint8]
    """0 = training, 1 = validation."""
    groups: NDArray[np.int64]
    """Number of the clip; a still has one of its own, or shares that of its folder."""
    frames: NDArray[np.int64]
    """Number within the clip, -1 for a still."""
    files: NDArray[Any]
    """Name of the file that it came from, as text."""
    mirrored: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, which: slice | NDArray[Any]) -> Table:
        """Some of the items."""
        return Table(**{name: getattr(self, name)[which] for name in COLUMNS})

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """The arrays by name."""
        return {name: getattr(self, name) for name in COLUMNS}

    @staticmethod
    def of(columns: dict[str, Any]) -> Table:
        """From arrays by name, with the types that are kept. Raises ValueError, KeyError, TypeError for what is none."""
        table = Table(
            np.asarray(columns["labels"]).astype("<i8"),
            np.asarray(columns["sides"]).astype("u1"),
            np.asarray(columns["groups"]).astype("<i8"),
            np.asarray(columns["frames"]).astype("<i8"),
            np.asarray(columns["files"]).astype(np.str_),
            np.asarray(columns["mirrored"]).astype(np.bool_),
        )
        if len({getattr(table, name).shape for name in COLUMNS}) != 1 or table.labels.ndim != 1:
            raise ValueError("its columns differ in length")
        return table

    @staticmethod
    def joined(tables: list[Table]) -> Table:
        """Several, one behind the other."""
        return Table(**{name: np.concatenate([getattr(one, name) for one in tables]) for name in COLUMNS})


@dataclass(frozen=True, eq=False)
class Shard:
    """The tokens of n items, (n, Q, h, w) uint16 or uint32."""

    codes: NDArray[Any]
    table: Table

    def __len__(self) -> int:
        return len(self.codes)
