"""Some sketches of a set drawn for a moment: what they look like, and which of them break."""

from __future__ import annotations

import time
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tilework.data.sketch.chromium import Chromium
from tilework.data.sketch.drawing import Outcome, draw
from tilework.data.sketch.found import Sketch
from tilework.data.sketch.stage import Pace
from tilework.data.sketch.story import Kind, SketchFailed
from tilework.spec import Size
from tilework.suggest.facts import Sample

if TYPE_CHECKING:
    from tilework.data.sources.sketches import Config

MOST, FEWEST = 12, 6
"""Sketches that are drawn at most, and however long that takes."""
_FRAMES, _EVERY = 21, 10
"""Of each so many frames are drawn, and every tenth is kept."""
_VIEW = (512, 512)
_BROKEN: frozenset[Kind] = frozenset({"no-p5", "threw", "never-ready", "nothing-draws", "no-canvas", "large-canvas"})
"""What does not mend itself with more time or more frames, which these few seconds do not give."""


def sketch_samples(source: Config, sketches: Sequence[Sketch], seconds: float) -> list[Sample]:
    """At most `MOST` of the sketches of a source, spread over them, in their order; one that needs longer than this has is left
    out.

    Raises UserError where there is no browser to draw them with.
    """
    pace = Pace(min(_FRAMES, source.frames), source.fps, max(seconds, 2.0), _VIEW)
    places = np.unique(np.linspace(0, len(sketches) - 1, min(MOST, len(sketches))).round().astype(int)).tolist()
    Random(0).shuffle(places)
    found: dict[int, Sample] = {}
    with Chromium() as chromium:
        chromium.start()
        end = time.monotonic() + seconds
        for tried, place in enumerate(places):
            if tried >= FEWEST and time.monotonic() > end:
                break
            one = _drawn(chromium, source, sketches[place], pace)
            if one is not None:
                found[place] = one
    return [found[place] for place in sorted(found)]


def _drawn(chromium: Chromium, source: Config, sketch: Sketch, pace: Pace) -> Sample | None:
    kept: list[NDArray[np.uint8]] = []
    try:
        for number, pixels in draw(chromium, sketch, pace, source.padding(), Outcome()):
            if number % _EVERY == 0:
                kept.append(pixels)
    except SketchFailed as failure:
        if not kept:
            broken = failure.trouble.kind in _BROKEN
            return Sample(sketch.name, problem=failure.trouble.words()) if broken else None
    if not kept:
        return None
    height, width = kept[-1].shape[:2]
    # The first frame is often the background alone. Whether a sketch moves at all, so few frames do not show.
    return Sample(sketch.name, tuple(kept[1:] or kept), Size(width, height), source.frames, label=sketch.label)
