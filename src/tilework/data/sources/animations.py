"""`animations`: GIF, animated PNG and animated WebP files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Literal

from pydantic import Field, PrivateAttr

from tilework.data.contract import Item, Seen, SourceConfig
from tilework.data.files.layout import Place, layout_of
from tilework.data.files.named_files import Paths, after, named_files
from tilework.data.files.skipping import Skipped
from tilework.data.media.colour import Colour, rgb
from tilework.data.media.extensions import ANIMATIONS
from tilework.data.media.images import Unreadable
from tilework.spec.hints import unset

# Part of the fingerprint: raise it when animations come to be read differently.
_REVISION = 2


class Config(SourceConfig):
    """Frames of GIF, animated PNG and animated WebP files as a viewer shows them; each file one group.

    A still image is an animation of one frame. Of a damaged file the frames before the damage are taken, and the rest is
    reported, unless `strict`. Where the folders are called train, val, test or the like, they are the split.
    """

    kind: Literal["animations"] = "animations"
    path: Paths = Field(description="animated image, folder of them, or a list of both")
    fps: float | None = Field(
        default=None,
        gt=0,
        le=1000,
        description="frames per second of playing time",
        json_schema_extra=unset("every frame of the file once"),
    )
    background: Colour = Field(
        default="white", description="colour under transparent pixels and around padded ones: a name or #rrggbb"
    )
    strict: bool = Field(default=False, description="stop at the first file that is broken")

    _skipped: Skipped = PrivateAttr(default_factory=Skipped)
    _seen: Seen = PrivateAttr(default_factory=Seen)

    def fingerprint(self) -> str:
        from tilework.data.animation.frames import SUFFIXES

        files = named_files(self.path, SUFFIXES, "animations", formats=ANIMATIONS)
        return " ".join(
            [self.settings_text(), f"revision {_REVISION}", *(f"{file.path!s} {file.mark}" for file in files)]
        )

    def items(self) -> Iterator[Item]:
        given = False
        for item in self._items(None):
            given = True
            yield item
        if not given:
            raise self._skipped.none_left("animations")

    def items_after(self, file: str, frame: int) -> Iterator[Item]:
        """As `items()` from behind that frame on; files before its file are not opened."""
        return self._items((file, frame))

    def seen(self) -> Seen:
        return self._seen

    def unreadable(self) -> list[tuple[str, str]]:
        return list(self._skipped.entries)

    def padding(self) -> tuple[int, int, int]:
        return rgb(self.background)

    def _items(self, done: tuple[str, int] | None) -> Iterator[Item]:
        from tilework.data.animation.frames import SUFFIXES, animation_frames
        from tilework.data.animation.timing import at_pace

        self._skipped = Skipped(self.strict)
        others: Counter[str] = Counter()
        parts: list[str] = []
        files = named_files(self.path, SUFFIXES, "animations", others, ANIMATIONS, parts)
        layout = layout_of((file.name for file in files if not file.problem), folders=parts)
        self._seen = layout.seen(others)
        for file in files if done is None else after(files, done[0]):
            behind = done[1] if done is not None and file.name == done[0] else -1
            try:
                place = Place() if file.problem else layout.place(file.name)
                if problem := file.problem or place.problem:
                    raise Unreadable(problem)
                for number, pixels in at_pace(animation_frames(file.path, self.padding()), self.fps):
                    if number > behind:
                        yield Item(
                            pixels=pixels, group=file.name, frame=number, file=file.name, held_out=place.held_out
                        )
            except Unreadable as reason:
                self._skipped.skip(file.name, str(reason), file.path)
