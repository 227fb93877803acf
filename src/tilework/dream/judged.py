"""Dreamed clips beside the clips that their prior learned from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tilework.dream.loops import LoopReport, Measures, Spectrum, measure, nearest_loop, small, spacing
from tilework.dream.opened import Dreamer
from tilework.errors import TileworkError
from tilework.explore.cloud import spread
from tilework.explore.opened import Pixels

COMPARED = 200
"""Training clips that dreamed ones are compared with."""
MEASURED = 24
"""Training loops that are decoded at full length for their measures, and compared with each other."""
_FRAMES = 60
"""Frames of a training loop that are compared; enough to find a shift by."""

Known = tuple[list[Spectrum], tuple[Measures, ...], float]


def loop_report(dreamer: Dreamer, clips: Pixels, *, loop: bool) -> LoopReport:
    """Measures of dreamed clips (n, T, H, W, C) uint8, and for loops the training loops that they are nearest to.

    Training loops are measured as the tokenizer reconstructs them, at as many frames a round as the dreamed ones have where
    they have that many. Without the training images there are only the measures.
    """
    own = tuple(measure(clip, loop=loop) for clip in clips)
    known = _training(dreamer, clips.shape[1]) if loop else None
    if known is None:
        return LoopReport(own, ())
    training, measures, apart = known
    mine = [Spectrum.of("", small(clip), training[0].frames) for clip in clips]
    return LoopReport(own, tuple(nearest_loop(clip, training, apart) for clip in mine), measures)


def _training(dreamer: Dreamer, frames: int) -> Known | None:
    key = f"training loops of {dreamer.name} {frames}"

    def make() -> Known | None:
        try:
            corpus = dreamer.corpus
        except TileworkError:
            return None
        numbers = [group for group in corpus.clips_of("train") if group in corpus.loops]
        if not numbers:
            return None
        # Whoever asks may go before it is done: what is there goes on being used.
        loops, measures = dreamer.parent.once(f"some {key}", _nothing_yet)
        chosen = np.array(numbers)[spread(len(numbers), COMPARED)].tolist()
        for number in chosen[len(loops) :]:
            positions = corpus.clips[number]
            measured = len(measures) < MEASURED and len(positions) >= 2
            images = dreamer.decode(corpus.codes[_of_a_round(positions, frames if measured else _FRAMES)])
            found = Spectrum.of(corpus.name(number), small(images), min(_FRAMES, frames))
            if measured:
                measures.append(measure(images, loop=True))
            loops.append(found)
        return loops, tuple(measures), spacing(loops[:MEASURED])

    return dreamer.parent.once(key, make)


def _nothing_yet() -> tuple[list[Spectrum], list[Measures]]:
    return [], []


def _of_a_round(positions: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    count = min(most, len(positions))
    return positions[np.arange(count) * len(positions) // count]
