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

    groups_suffice: ClassVar[bool] = True
    later: ClassVar[frozenset[str]] = frozenset({"variants", "turned"})

    kind: Literal["loops"] = "loops"
    frames: int = Field(default=180, ge=1, le=10_000, description="frames of each animation, once round its loop")
    animations: int = Field(default=10, ge=1, le=10, description="how many of the ten animations, from the first")
    variants: int = Field(
        default=1,
        ge=1,
        le=10_000,
        description="each animation is drawn that many times, with other shapes, paces and places",
    )
    turned: bool = Field(
        default=False,
        description="the variants of each animation are also seen mirrored and turned by quarters, eight sides in turn",
    )
    seed: int = Field(default=0, ge=0, lt=2**32, description="seed of the drawings' shapes, paces and places")

    def fingerprint(self) -> str:
        return f"{self.settings_text()} revision {_REVISION}"

    def expected(self) -> int:
        return self.frames * self.animations * self.variants

    def items(self) -> Iterator[Item]:
        from tilework.data.loops import ANIMATIONS, frames
        from tilework.data.media.turned import turned

        for name in islice(ANIMATIONS, self.animations):
            for variant in range(self.variants):
                group = name if self.variants == 1 else f"{name} {variant + 1}"
                drawn = frames(name, self.frames, self.size, self.channels, self.seed, variant)
                for number, pixels in enumerate(drawn):
                    seen = turned(pixels, variant) if self.turned else pixels
                    yield Item(pixels=seen, group=group, frame=number, label=name, file=group)
