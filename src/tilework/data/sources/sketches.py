"""`sketches`: p5.js sketches, drawn frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, PrivateAttr

from tilework.data.contract import Item, Note, SourceConfig
from tilework.data.files.named_files import Paths
from tilework.data.files.skipping import Skipped
from tilework.data.media.colour import Colour, rgb
from tilework.data.media.images import Unreadable
from tilework.spec.hints import unset

if TYPE_CHECKING:
    from tilework.data.sketch.found import Sketch

# Part of the fingerprint: raise it when sketches come to be drawn differently.
_REVISION = 3
# The shorter side of the window that a sketch may ask for.
_WINDOW = 512
# Each takes some hundred MiB.
_MOST_BROWSERS = 4
# A browser's start costs as much as drawing so many frames, a sketch's page as much as some.
_WORTH_A_BROWSER, _WORTH_A_PAGE = 600, 30


class Config(SourceConfig):
    """Frames of p5.js sketches in a headless Chromium, each sketch one group; needs the extra `p5`.

    A sketch is a script with setup() or draw(), or a page that loads one; one without p5 gets that which came with tilework.
    Every preparation draws the same: chance has a seed, all clocks follow the frame number, and a frame waits for what the
    sketch asked for. A sketch reaches nothing but its own files, and goes on without the network; one that throws, never
    draws, or takes too long or too much is reported, and the others go on. One that does not move is one frame.
    p5.sound is silent.
    """

    later: ClassVar[frozenset[str]] = frozenset({"turned"})

    kind: Literal["sketches"] = "sketches"
    path: Paths = Field(description="sketch, folder of them, or a list of both")
    p5: str | int | None = Field(
        default=None,
        description="file p5.js or p5.min.js for all of them, or 1 or 2 for the p5 of that generation which comes with "
        "tilework",
        json_schema_extra=unset("theirs, else the one that suits each"),
    )
    libraries: str | None = Field(
        default=None,
        description="folder of scripts that stand for those which sketches ask for from the web, found by name",
    )
    frames: int = Field(default=180, ge=1, description="frames taken of each sketch")
    fps: float = Field(default=60.0, gt=0, le=1000, description="frames per second of the sketch's own clock")
    seed: int = Field(default=0, ge=0, lt=2**32, description="seed of random(), noise() and Math.random()")
    seeds: int = Field(
        default=1,
        ge=1,
        le=10_000,
        description="each sketch is drawn that many times, with seed, seed + 1, ...; each a group",
    )
    turned: bool = Field(
        default=False,
        description="with several seeds, each sketch is also seen mirrored and turned by quarters, eight sides in turn: for "
        "sketches that have no above and below",
    )
    seconds: float = Field(default=120.0, gt=0, description="longest that one sketch may take")
    pointer: Literal["none", "circle", "sweep"] = Field(
        default="none",
        description="a mouse that moves over the canvas with the frame number, and presses now and then, for sketches that wait "
        "for one: in circles, or from side to side",
    )
    background: Colour = Field(
        default="white", description="colour under transparent pixels and around padded ones: a name or #rrggbb"
    )
    strict: bool = Field(default=False, description="stop at the first sketch that fails")

    _skipped: Skipped = PrivateAttr(default_factory=Skipped)
    _notes: list[Note] = PrivateAttr(default_factory=list)

    def fingerprint(self) -> str:
        from tilework.data.sketch.found import marks

        return " ".join([self.settings_text(), f"revision {_REVISION}", *marks(self.sketches())])

    def items(self) -> Iterator[Item]:
        given = False
        for item in self._items(None):
            given = True
            yield item
        if not given:
            raise self._skipped.none_left("sketches")

    def items_after(self, file: str, frame: int) -> Iterator[Item]:
        """As `items()` from behind that frame on; sketches before its own are not drawn."""
        return self._items((file, frame))

    def expected(self) -> int:
        return self.frames * len(self.sketches())

    def sketches(self, denied: list[tuple[str, str]] | None = None) -> list[Sketch]:
        """What is drawn, in order; `denied` is given the folders that cannot be listed. Raises UserError where there is none."""
        from tilework.data.sketch.found import find_sketches

        return find_sketches(self.path, self.p5, self.seed, seeds=self.seeds, libraries=self.libraries, denied=denied)

    def unreadable(self) -> list[tuple[str, str]]:
        return list(self._skipped.entries)

    def notes(self) -> list[Note]:
        return list(self._notes)

    def padding(self) -> tuple[int, int, int]:
        return rgb(self.background)

    def _items(self, done: tuple[str, int] | None) -> Iterator[Item]:
        from tilework.data.cores import usable_cores
        from tilework.data.media.turned import turned
        from tilework.data.sketch.ahead import Ahead
        from tilework.data.sketch.drawing import Outcome, draw
        from tilework.data.sketch.stage import Pace
        from tilework.data.sketch.story import SketchFailed

        self._skipped, self._notes = Skipped(self.strict), []
        denied: list[tuple[str, str]] = []
        sketches = self.sketches(denied)
        for folder, why in denied:
            self._skipped.skip(folder, why)
        names = [sketch.name for sketch in sketches]
        first = 0 if done is None else names.index(done[0]) if done[0] in names else len(names)
        side = _WINDOW / min(self.size)
        view = (round(self.size.width * side), round(self.size.height * side))
        pace = Pace(self.frames, self.fps, self.seconds, view, self.pointer)
        outcomes = {sketch.name: Outcome() for sketch in sketches}
        with Ahead(
            sketches[first:],
            lambda chromium, sketch: draw(chromium, sketch, pace, self.padding(), outcomes[sketch.name]),
            min(_MOST_BROWSERS, usable_cores(), _browsers_worth(len(sketches) - first, self.frames)),
        ) as ahead:
            for sketch, frames in ahead:
                behind = done[1] if done is not None and sketch.name == done[0] else -1
                try:
                    for number, pixels in frames:
                        if number > behind:
                            seen = turned(pixels, sketch.seed - self.seed) if self.turned else pixels
                            yield Item(
                                pixels=seen, group=sketch.name, frame=number, label=sketch.label, file=sketch.name
                            )
                except Unreadable as reason:
                    fix = reason.trouble.fix() if isinstance(reason, SketchFailed) else ""
                    self._skipped.skip(sketch.name, str(reason), sketch.folder, fix)
                else:
                    self._notes += outcomes[sketch.name].notes(sketch.name)


def _browsers_worth(sketches: int, frames: int) -> int:
    return -(-sketches * (frames + _WORTH_A_PAGE) // _WORTH_A_BROWSER)
