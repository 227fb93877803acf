"""`sketches`: looping p5.js sketches. Named by recipes; this version says what to use in its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from tilework.data.contract import Item, SourceConfig
from tilework.data.later import not_in_this_version
from tilework.errors import UserError


class Config(SourceConfig):
    """Frames of the p5.js sketches in a folder, each sketch one group."""

    kind: Literal["sketches"] = "sketches"
    path: str = Field(default=".", min_length=1, description="sketch, or folder of them")
    frames: int = Field(default=180, ge=1, description="frames taken of each sketch")
    fps: float = Field(default=60.0, gt=0, description="frames per second that a sketch is drawn at")

    def fingerprint(self) -> str:
        raise self._missing()

    def items(self) -> Iterator[Item]:
        raise self._missing()

    def _missing(self) -> UserError:
        return not_in_this_version("sketches", "p5.js sketches")
