"""The frames of one sketch, with the first of its p5 versions with which it gets to draw."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tilework.data.contract import Note
from tilework.data.media.images import to_pixels
from tilework.data.notes import BLOCKED, STATIC, STATIC_WITH_MOUSE
from tilework.data.sketch.chromium import Chromium
from tilework.data.sketch.found import Sketch
from tilework.data.sketch.stage import Pace, Stage
from tilework.data.sketch.story import SketchFailed, Trouble

Frame = tuple[int, NDArray[np.uint8]]

_READS_MOUSE = re.compile(
    r"\b(p?mouse[XY]|winMouse[XY]|mouseIsPressed|mouse(Pressed|Released|Clicked|Moved|Dragged)|clientX|offsetX)\b"
    r"|(mouse|pointer)(move|down|up)\b"
)


@dataclass
class Outcome:
    """What was seen while a sketch was drawn; complete when its frames have ended."""

    blocked: tuple[str, ...] = ()
    """Addresses of the network that it asked for."""
    static: bool = False
    """All frames are equal, so only the first is kept."""
    reads_mouse: bool = False
    """Its code asks where the mouse is."""

    def notes(self, name: str) -> Iterator[Note]:
        """What of it is worth reporting of the sketch `name`."""
        if self.static:
            yield Note(name, STATIC_WITH_MOUSE if self.reads_mouse else STATIC)
        if self.blocked:
            yield Note(name, BLOCKED, self.blocked)


def draw(
    chromium: Chromium, sketch: Sketch, pace: Pace, background: tuple[int, int, int], outcome: Outcome
) -> Iterator[Frame]:
    """(number, (H, W, 3) uint8) of each frame. Raises SketchFailed, after the last good frame where it fails later.

    Another version of p5 is tried as long as nothing is drawn; the failure reported is that with the first of them.
    """
    if not sketch.p5 and sketch.is_script:
        raise SketchFailed(Trouble("no-p5"))
    first: SketchFailed | None = None
    for p5 in sketch.p5 or (None,):
        given = -1
        for attempt in range(2):
            stage = Stage(chromium, sketch, p5, pace)
            try:
                for number, pixels in _worth_keeping(stage, pace, background, outcome):
                    if number > given:
                        given = number
                        yield number, pixels
            except SketchFailed as failure:
                # A loaded machine may lose a browser; the same frames come again from a new one, and it goes on behind them.
                if failure.trouble.kind == "crashed" and attempt == 0:
                    continue
                first = first or failure
                if given >= 0:
                    raise
                if not failure.may_be_the_library or not stage.server.gave_p5:
                    raise first from None
                break
            else:
                return
    assert first is not None
    raise first


def _worth_keeping(stage: Stage, pace: Pace, background: tuple[int, int, int], outcome: Outcome) -> Iterator[Frame]:
    """The frames; those that are equal from the beginning wait until another comes, and are one where none does."""
    waiting: list[NDArray[np.uint8]] = []
    drawn = moved = False
    raw: NDArray[np.uint8] | None = None
    pixels: NDArray[np.uint8] | None = None
    failure: SketchFailed | None = None
    try:
        with stage:
            for number, image in enumerate(stage.frames()):
                if image is not raw or pixels is None:
                    raw, pixels = image, _over(background, image)
                if drawn and moved:
                    yield number, pixels
                    continue
                moved = moved or bool(waiting and not _equal(pixels, waiting[0]))
                drawn = drawn or not bool((pixels == pixels[0, 0]).all())
                waiting.append(pixels if drawn else np.broadcast_to(pixels[0, 0].copy(), pixels.shape))
                if drawn and moved:
                    yield from enumerate(map(np.ascontiguousarray, waiting))
                    waiting = []
    except SketchFailed as error:  # what it had drawn by then is kept
        failure = error
    outcome.blocked = stage.blocked
    if drawn and not moved:
        outcome.static = True
        code = (one.decode("utf-8", "replace") for one in stage.server.own_code())
        outcome.reads_mouse = pace.pointer == "none" and any(map(_READS_MOUSE.search, code))
        yield 0, waiting[0]
    if failure is not None:
        raise failure
    if (
        not drawn and len({one[0, 0].tobytes() for one in waiting}) > 2
    ):  # it fills its canvas, with one colour after another
        yield from enumerate(map(np.ascontiguousarray, waiting))
        return
    if not drawn:
        raise SketchFailed(stage.trouble("plain", amount=f"{pace.frames:,}"))


def _equal(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> bool:
    return a is b or np.array_equal(a, b)


def _over(background: tuple[int, int, int], image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return image if image.shape[2] == 3 else to_pixels(Image.fromarray(image, "RGBA"), background)
