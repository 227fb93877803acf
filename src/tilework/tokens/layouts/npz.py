"""`npz`: NumPy's own archive, uncompressed; every shard holds `codes` and a column of each of `shard.COLUMNS`."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tilework.tokens.shard import Shard, Table

EXTENSION = ".npz"


def check() -> None:
    """Nothing is needed."""


def pack(shard: Shard) -> bytes:
    """A shard as a file."""
    out = io.BytesIO()
    columns: Any = shard.table.columns
    np.savez(out, codes=shard.codes, **columns)  # without a time in it: equal shards are equal files
    return out.getvalue()


def read(file: Path) -> Shard:
    """A shard. Raises OSError, and ValueError for what is none."""
    try:
        with np.load(file, allow_pickle=False) as found:
            return Shard(found["codes"], Table.of(dict(found)))
    except OSError:
        raise
    except Exception as error:  # of damaged bytes NumPy, zipfile and zlib raise whatever comes to hand
        raise ValueError(str(error) or type(error).__name__) from None


def read_columns(file: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Some columns of the items of a shard, without their codes. Raises as `read` does."""
    try:
        with np.load(file, allow_pickle=False) as found:
            return {name: found[name] for name in names}
    except OSError:
        raise
    except Exception as error:
        raise ValueError(str(error) or type(error).__name__) from None
