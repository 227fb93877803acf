"""`parquet`: Apache Parquet, for data tools; a row is an item, `codes` a list of its Q x h x w tokens, level by level.

Needs the extra `tokens`. The shape stands in the schema's metadata as `tilework.shape`: "Q h w".
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tilework.errors import UserError
from tilework.tokens.shard import COLUMNS, Shard, Table

EXTENSION = ".parquet"
_SHAPE = b"tilework.shape"


def check() -> None:
    """Raises UserError where pyarrow is not installed."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise UserError(
            "the layout parquet needs pyarrow", why="it is not installed", fix="pip install 'tilework[tokens]'"
        ) from None


def pack(shard: Shard) -> bytes:
    """A shard as a file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    codes = shard.codes
    flat = pa.FixedSizeListArray.from_arrays(pa.array(codes.reshape(-1)), int(np.prod(codes.shape[1:])))
    columns = {"codes": flat, **{name: pa.array(getattr(shard.table, name)) for name in COLUMNS}}
    shape = " ".join(map(str, codes.shape[1:])).encode()
    out = io.BytesIO()
    pq.write_table(pa.table(columns).replace_schema_metadata({_SHAPE: shape}), out, compression="zstd")
    return out.getvalue()


def read(file: Path) -> Shard:
    """A shard. Raises OSError, and ValueError for what is none."""
    found = _columns(file, ["codes", *COLUMNS])
    shape = tuple(int(size) for size in (found.schema.metadata or {}).get(_SHAPE, b"").split())
    rows = found.column("codes").combine_chunks()
    codes = rows.flatten().to_numpy(zero_copy_only=False).reshape(len(found), *shape)
    try:
        table = Table.of({name: found.column(name).to_numpy() for name in COLUMNS})
    except (KeyError, TypeError) as error:
        raise ValueError(str(error)) from None
    return Shard(codes, table)


def read_columns(file: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Some columns of the items of a shard, without their codes. Raises as `read` does."""
    found = _columns(file, list(names))
    try:
        return {name: found.column(name).to_numpy() for name in names}
    except (KeyError, TypeError) as error:
        raise ValueError(str(error)) from None


def _columns(file: Path, names: list[str]) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(file, columns=names)
    except pa.ArrowException as error:
        raise ValueError(str(error)) from None
