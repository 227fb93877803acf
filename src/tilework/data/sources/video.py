"""`video`: frames of video files, as they are or chosen at random."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PrivateAttr

from tilework.data.contract import Item, Seen, SourceConfig
from tilework.data.files.layout import Place, layout_of
from tilework.data.files.named_files import NamedFile, Paths, named_files
from tilework.data.files.skipping import Skipped
from tilework.data.media.colour import Colour, rgb
from tilework.data.media.extensions import CLIPS
from tilework.data.media.images import Unreadable
from tilework.data.video.choose import at_random, every_kth
from tilework.data.video.container import SUFFIXES
from tilework.data.video.decode import chosen_frames
from tilework.data.video.index import promised_frames, read_index
from tilework.data.video.scenes import Scenes
from tilework.data.video.shape import Shaper
from tilework.spec.hints import unset

# 2: alpha is laid over the background, interlaced frames are of one moment, HDR is tone-mapped.
_REVISION = 2


class Config(SourceConfig):
    """Frames of mp4, mkv, webm, mov and avi files; each clip one group.

    They are numbered as they are shown, whatever their times; turned upright by their rotation, and with square pixels.
    Interlaced ones show the moment of their upper lines; HDR is brought to ordinary brightness. Of a damaged clip the
    frames before the damage are taken, and the rest is reported, unless `strict`.
    """

    kind: Literal["video"] = "video"
    path: Paths = Field(description="video file, folder of them, or a list of both")
    skip: int = Field(default=0, ge=0, description="frames left out at the start of each clip")
    every: int = Field(default=1, ge=1, description="take every n-th frame of what is left")
    count: int | None = Field(
        default=None,
        ge=1,
        description="frames drawn at random over all clips (fewer where the gap leaves no room for so many)",
        json_schema_extra=unset("all"),
    )
    gap: int = Field(default=1, ge=0, description="frames that two drawn ones of a clip are apart, at least")
    seed: int = Field(default=0, ge=0, description="seed of the draw")
    scenes: bool = Field(
        default=False,
        description="one group per scene: a new one at each cut, judged between the frames that are taken",
    )
    strict: bool = Field(default=False, description="stop at the first clip that is broken")

    background: Colour | None = Field(
        default=None,
        description="colour under transparent pixels and around padded ones: a name or #rrggbb",
        json_schema_extra=unset("white under transparent ones, black around"),
    )

    _skipped: Skipped = PrivateAttr(default_factory=Skipped)
    _seen: Seen = PrivateAttr(default_factory=Seen)

    def fingerprint(self) -> str:
        return " ".join(
            [self.settings_text(), f"revision {_REVISION}", *(f"{file.path!s} {file.mark}" for file in self._files())]
        )

    def items(self) -> Iterator[Item]:
        given = False
        for item in self._items(None):
            given = True
            yield item
        if not given:
            raise self._skipped.none_left("clips")

    def items_after(self, file: str, frame: int) -> Iterator[Item]:
        """As `items()` from behind that frame on; clips before its clip are not opened, but to count their frames."""
        return self._items((file, frame))

    def expected(self) -> int | None:
        if self.count is not None:  # the gap may leave room for fewer
            return None
        total = 0
        for file in self._files():
            promised = promised_frames(file.path)
            if promised is None:
                return None
            total += len(every_kth(promised, self.skip, self.every))
        return total

    def shortfall(self, count: int) -> str:
        if self.count is None or count >= self.count:
            return ""
        reason = f"with a gap of {self.gap} these clips have" if self.gap > 1 else "these clips have"
        return f"{self.count:,} frames were asked for, {reason} {count:,}"

    def unreadable(self) -> list[tuple[str, str]]:
        return list(self._skipped.entries)

    def padding(self) -> tuple[int, int, int]:
        return rgb(self.background or "black")

    def seen(self) -> Seen:
        return self._seen

    def _files(self, others: Counter[str] | None = None, parts: list[str] | None = None) -> list[NamedFile]:
        return named_files(self.path, SUFFIXES, "videos", others, CLIPS, parts)

    def _items(self, done: tuple[str, int] | None) -> Iterator[Item]:
        self._skipped = Skipped(self.strict)
        others: Counter[str] = Counter()
        parts: list[str] = []
        files = self._files(others, parts)
        layout = layout_of((file.name for file in files if not file.problem), folders=parts)
        self._seen = layout.seen(others)
        chosen = self._drawn(files) if self.count is not None else {}
        names = [file.name for file in files]
        first = 0 if done is None else names.index(done[0]) if done[0] in names else len(names)
        for file in files[first:]:
            behind = done[1] if done is not None and file.name == done[0] else -1
            # Scenes are counted from the clip's first frame on.
            from_frame = -1 if self.scenes else behind
            try:
                place = Place() if file.problem else layout.place(file.name)
                if place.problem:
                    raise Unreadable(place.problem)
                for item in self._of_clip(file, chosen, from_frame):
                    if item.frame > behind:
                        yield replace(item, held_out=place.held_out)
            except Unreadable as reason:
                self._skipped.skip(file.name, str(reason), file.path)

    def _of_clip(self, file: NamedFile, chosen: dict[str, NDArray[np.int64]], behind: int) -> Iterator[Item]:
        if self.count is not None and not len(chosen.get(file.name, ())):
            return
        if file.problem:
            raise Unreadable(file.problem)
        index = read_index(file.path)
        wanted = chosen[file.name] if self.count is not None else every_kth(index.count, self.skip, self.every)
        item = partial(Item, file=file.name)
        scenes = Scenes()
        shaper_for = partial(Shaper, self.size, self.fit, rgb(self.background or "white"))
        for number, pixels in chosen_frames(file.path, index, wanted[wanted > behind], shaper_for):
            group = f"{file.name} scene {scenes.of(pixels)}" if self.scenes else file.name
            yield item(pixels=pixels, group=group, frame=number)
        if index.breaks_off and self.count is None:
            of = f" of {index.promised:,}" if index.promised else ""
            raise Unreadable(f"it breaks off after frame {index.count - 1:,}{of}")

    def _drawn(self, files: list[NamedFile]) -> dict[str, NDArray[np.int64]]:
        """The numbers drawn of each clip; notes the clips that cannot be opened."""
        counts = []
        for file in files:
            try:
                if file.problem:
                    raise Unreadable(file.problem)
                counts.append(read_index(file.path).count)
            except Unreadable as reason:
                self._skipped.skip(file.name, str(reason), file.path)
                counts.append(0)
        drawn = at_random(counts, self.count or 0, self.gap, self.skip, self.every, self.seed)
        return dict(zip((file.name for file in files), drawn, strict=True))
