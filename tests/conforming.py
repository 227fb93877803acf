"""Whether what was really said is as the models say: headers, the arrays of a frame, messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from numpy.typing import NDArray

from tilework.protocol.arrays import ARRAYS
from tilework.protocol.frame import Header
from tilework.protocol.models import faults

KNOWN = {one.name: one for one in ARRAYS}


def frame_faults(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Iterator[str]:
    """What of an unpacked frame is not as header and arrays are described; a letter of a shape is one length throughout."""
    yield from faults(header, Header, "header")
    lengths: dict[str, int] = {"Q": header["view"]["levels"], "K": header["view"]["codes"]}
    lengths |= dict(zip("wh", header["view"]["grid"], strict=True))
    for name, array in arrays.items():
        if name not in KNOWN:
            yield f"there is no array {name}"
            continue
        said = KNOWN[name]
        if array.dtype.str[1:] != said.dtype:
            yield f"{name} is {array.dtype}, not {said.dtype}"
        if header["channel"] not in said.channels:
            yield f"{name} is not of the channel {header['channel']}"
        if array.ndim != len(said.shape):
            yield f"{name} is {array.shape}, not {said.shape}"
            continue
        for letter, length in zip(said.shape, array.shape, strict=True):
            wanted = letter if isinstance(letter, int) else lengths.setdefault(letter, length)
            if length != wanted:
                yield f"{name} is {array.shape}, not {said.shape} with {letter} = {wanted}"
