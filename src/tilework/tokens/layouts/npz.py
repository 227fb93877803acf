"""`npz`: NumPy's own archive, uncompressed; every shard holds `codes` and a column of each of `shard.COLUMNS`."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from tilework.tokens.shard import COLUMNS, Shard, Table

ENDING = ".npz"


def check() -> None:
    """Nothing is needed."""


def pack(shard: Shard) -> bytes:
    """A shard as a file."""
    out = io.BytesIO()
    columns = {name: getattr(shard.table, name) for name in COLUMNS}
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


def read_table(file: Path) -> Table:
    """What is known of the items of a shard, without their codes. Raises as `read` does."""
    try:
        with np.load(file, allow_pickle=False) as found:
            return Table.of({name: found[name] for name in COLUMNS})
    except OSError:
        raise
    except Exception as error:  # of damaged bytes NumPy, zipfile and zlib raise whatever comes to hand
        raise ValueError(str(error) or type(error).__name__) from None
