"""Small value types that several sections of a spec share."""

from __future__ import annotations

import re
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, GetCoreSchemaHandler, PlainSerializer, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from tilework.errors import Refused


class Size(NamedTuple):
    """Pixels of an image; written `128x72`, width first, or `64` for a square."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.is_instance_schema(cls)


def _read_size(raw: Any) -> Any:
    if isinstance(raw, Size):
        return raw
    if isinstance(raw, str) and raw.strip().isdigit():
        raw = int(raw)
    if isinstance(raw, int) and not isinstance(raw, bool):
        raw = f"{raw}x{raw}"
    found = re.fullmatch(r"\s*(\d+)\s*[xX×]\s*(\d+)\s*", raw) if isinstance(raw, str) else None
    if not found:
        raise Refused(
            f"{raw!r} is not an image size", fix="write width x height, for example 128x72, or 64 for a square"
        )
    size = Size(int(found[1]), int(found[2]))
    if not (1 <= size.width <= 8192 and 1 <= size.height <= 8192):
        raise Refused(f"{size} is out of range", fix="write sides of 1 to 8192 pixels")
    return size


ImageSize = Annotated[
    Size,
    BeforeValidator(_read_size),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d+x\d+$", "examples": ["64x64", "128x72"]}),
]
