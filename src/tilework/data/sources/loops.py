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
    """Rotating polygons, a Lissajous curve, Truchet tiles, noise flow, waves and five more; each a label, its variants groups."""

    groups_say_all: ClassVar[bool] = True

    kind: Literal["loops"] = "loops"
    frames: int = Field(default=180, ge=1, le=10_000, description="frames of each animation, once round its loop")
    animations: int = Field(default=10, ge=1, le=10, description="how many of the ten animations, from the first")
    variants: int = Field(
        default=1,
        ge=1,
        le=10_000,
        description="each animation is drawn that many times, with other shapes, paces and places",
    )
    seed: int = Field(default=0, ge=0, lt=2**32, description="seed of the drawings' shapes, paces and places")

    def fingerprint(self) -> str:
        # One variant is what there was before there were several: what was prepared then is still right.
        alone = {"variants"} if self.variants == 1 else set()
        settings = self.model_dump_json(exclude={"split", "duplicates", *alone})
        return f"{settings} revision {_REVISION}"

    def expected(self) -> int:
        return self.frames * self.animations * self.variants

    def items(self) -> Iterator[Item]:
        from tilework.data.loops import ANIMATIONS, frames

        for name in islice(ANIMATIONS, self.animations):
            for variant in range(self.variants):
                group = name if self.variants == 1 else f"{name} {variant + 1}"
                drawn = frames(name, self.frames, self.size, self.channels, self.seed, variant)
                for number, pixels in enumerate(drawn):
                    yield Item(pixels=pixels, group=group, frame=number, label=name, file=group)
