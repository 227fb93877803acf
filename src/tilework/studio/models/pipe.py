"""What the studio and the process of a model write to each other: JSON lines down, and messages of any bytes up.

An upward message is a head (length of what follows, what it is, which page, which ask) and its bytes.
"""

from __future__ import annotations

import json
import os
import struct
from enum import IntEnum
from typing import IO, Any, NamedTuple

_HEAD = struct.Struct("<QBxxxIq")
MOST_BYTES = 512 * 2**20
"""Of one message; what is longer was not written by a process of ours."""


class What(IntEnum):
    """What an upward message is."""

    STATE = 1
    """JSON: a `Word`."""
    ANSWER = 2
    """A frame, which goes to the page as it is."""
    FAILED = 3
    """JSON: a `Problem`."""
    DROPPED = 4
    """Nothing: the ask was forgotten before it was done."""
    REPLY = 5
    """What the studio itself has asked for: the bytes of a file, or JSON."""
    PROGRESS = 6
    """A frame of what is there so far; the answer follows."""


class Output(NamedTuple):
    """One upward message."""

    what: What
    page: int
    ref: int
    body: bytes


def line(message: dict[str, Any]) -> bytes:
    """A downward message."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def send(handle: int, output: Output) -> None:
    """Write an upward message whole. Raises OSError where nobody reads any more."""
    head = _HEAD.pack(len(output.body), output.what, output.page, output.ref)
    written = os.writev(handle, (head, output.body)) if hasattr(os, "writev") else os.write(handle, head + output.body)
    whole = len(head) + len(output.body)
    if written < whole:
        rest = memoryview(head + output.body)
        while written < whole:
            written += os.write(handle, rest[written:])


def hear(source: IO[bytes]) -> Output | None:
    """The next upward message; None at the end. Raises ValueError for bytes that are none."""
    head = source.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    length, what, page, ref = _HEAD.unpack(head)
    if length > MOST_BYTES:
        raise ValueError(f"a message of {length:,} bytes")
    body = source.read(length)
    return Output(What(what), page, ref, body) if len(body) == length else None
