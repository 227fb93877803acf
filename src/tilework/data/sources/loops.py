"""`loops`: ten looping animations drawn by the program itself."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import ClassVar, Literal

from pydantic import Field

from tilework.data.contract import Item, SourceConfig

# Part of the fingerprint: raise it when a drawing changes.
_REVISION = 1


class Config(SourceConfig):
    """Rotating polygons, a Lissajous curve, Truchet tiles, noise flow, waves and five more; each one group and one label."""

    groups_say_all: ClassVar[bool] = True

    kind: Literal["loops"] = "loops"
    frames: int = Field(default=180, ge=1, le=10_000, description="frames of each animation, once round its loop")
    animations: int = Field(default=10, ge=1, le=10, description="how many of the ten animations, from the first")
    seed: int = Field(default=0, ge=0, lt=2**32, description="seed of the drawings' shapes, paces and places")

    def fingerprint(self) -> str:
        return f"{self.settings_text()} revision {_REVISION}"

    def expected(self) -> int:
        return self.frames * self.animations

    def items(self) -> Iterator[Item]:
        from tilework.data.loops import ANIMATIONS, frames

        for name in islice(ANIMATIONS, self.animations):
            for number, pixels in enumerate(frames(name, self.frames, self.size, self.channels, self.seed)):
                yield Item(pixels=pixels, group=name, frame=number, label=name, file=name)
