"""A frame: a JSON header and plain arrays in one block of bytes. The live file, the socket and the timeline hold the same.

u32 little-endian   length of the header
header              JSON, UTF-8, padded with spaces so that the arrays begin at a multiple of 8
arrays              one after another, each at a multiple of 8; `header["arrays"]` gives name, dtype, shape and offset
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, get_args

from tilework.protocol.frame import DType

if TYPE_CHECKING:
    from numpy.typing import NDArray

DTYPES = frozenset(get_args(DType))


def pack(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """One frame. Raises ValueError for an array of another type than f4, i4, i2, u1; NaN in the header becomes null."""
    import numpy as np

    listed, parts, at = [], [], 0
    for name, array in arrays.items():
        kind = array.dtype.str[1:]
        if kind not in DTYPES:
            raise ValueError(f"{name} is {array.dtype}; a frame holds f4, i4, i2 and u1")
        data = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
        listed.append({"name": name, "dtype": kind, "shape": list(array.shape), "offset": at})
        parts.append(data + bytes(-len(data) % 8))
        at += len(parts[-1])
    text = _json({**header, "arrays": listed})
    text += b" " * (-(4 + len(text)) % 8)
    return b"".join([struct.pack("<I", len(text)), text, *parts])


def unpack(frame: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """-> (header, arrays by name, read-only). Raises ValueError for bytes that are no frame."""
    import numpy as np

    header, begin = read_header(frame), 4 + struct.unpack_from("<I", frame)[0]
    arrays: dict[str, NDArray[Any]] = {}
    for one in header["arrays"]:
        if one["dtype"] not in DTYPES:
            raise ValueError(f"a frame holds no {one['dtype']}")
        found = np.frombuffer(frame, "<" + one["dtype"], int(np.prod(one["shape"])), begin + one["offset"])
        arrays[one["name"]] = found.reshape(one["shape"])
    return header, arrays


def read_header(frame: bytes) -> dict[str, Any]:
    """The header alone. Raises ValueError for bytes that are no frame."""
    if len(frame) < 4 or 4 + struct.unpack_from("<I", frame)[0] > len(frame):
        raise ValueError("these bytes are no frame: too short")
    header = json.loads(frame[4 : 4 + struct.unpack_from("<I", frame)[0]])
    if not isinstance(header, dict) or not isinstance(header.get("arrays"), list):
        raise ValueError("these bytes are no frame: no list of arrays")
    return header


def _json(header: Mapping[str, Any]) -> bytes:
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False)
    if "NaN" in text or "Infinity" in text:  # rare, and the walk through the header costs as much as writing it
        text = json.dumps(without_nan(header), separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def without_nan(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become null."""
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {key: without_nan(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(inner) for inner in value]
    return value
