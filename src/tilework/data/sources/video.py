"""`video`: frames of video files. Named by recipes; this version says what to use in its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from tilework.data.contract import Item, SourceConfig
from tilework.data.later import not_in_this_version
from tilework.errors import UserError


class Config(SourceConfig):
    """Frames of the video files in a folder, each clip one group."""

    kind: Literal["video"] = "video"
    path: str = Field(default=".", min_length=1, description="video file, or folder of them")
    skip: int = Field(default=0, ge=0, description="frames left out at the start of each clip")
    every: int = Field(default=1, ge=1, description="take every n-th frame")
    count: int | None = Field(default=None, ge=1, description="frames drawn at random over all clips; null = all")
    gap: int = Field(default=0, ge=0, description="frames at least between two drawn ones of a clip")

    def fingerprint(self) -> str:
        raise self._missing()

    def items(self) -> Iterator[Item]:
        raise self._missing()

    def _missing(self) -> UserError:
        return not_in_this_version("video", "video files")
