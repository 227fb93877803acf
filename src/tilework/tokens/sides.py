"""What layouts for other trainers share: the images of one side in order, and a class for each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tilework.errors import UserError
from tilework.tokens.manifest import Manifest
from tilework.tokens.reading import Tokens
from tilework.tokens.shard import Table

_AT_ONCE = 1024


def of_side(tokens: Tokens, side: str) -> Iterator[tuple[NDArray[np.int64], NDArray[Any]]]:
    """Some items of `train` or `validation` at a time, and their codes (n, views, Q, h, w): 2 views where all were mirrored."""
    table = tokens.table
    chosen = np.flatnonzero((table.sides == (side == "validation")) & ~table.mirrored)
    half = len(tokens) // 2
    for start in range(0, len(chosen), _AT_ONCE):
        items = chosen[start : start + _AT_ONCE]
        views = [items, items + half] if tokens.manifest.images.mirror else [items]
        yield items, np.stack([tokens.codes[one] for one in views], axis=1)


def class_ids(tokens: Tokens) -> NDArray[np.int64]:
    """(N,) the class of every item; where the images have no classes they are all of class 0."""
    return tokens.labels if tokens.manifest.classes else np.zeros(len(tokens), dtype=np.int64)


def refuse_unlabelled(layout: str, manifest: Manifest, table: Table) -> None:
    """Raises UserError for images of which some have a label and some have none."""
    without = int((table.labels < 0).sum())
    if manifest.classes and without:
        raise UserError(
            f"{without:,} of {len(table):,} images have no label, and the layout {layout} has one for each",
            why="trainers that read it know no image without a class",
            fix="leave those images out, or write --layout npz",
        )
