"""From frames with durations to frames at a steady pace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

# What every browser makes of a frame that claims to be shown for no time or next to none.
_TOO_SHORT_MS, _INSTEAD_MS = 10, 100


def shown_for(milliseconds: float) -> float:
    """How long a frame whose delay is `milliseconds` is really shown."""
    return float(_INSTEAD_MS) if milliseconds <= _TOO_SHORT_MS else float(milliseconds)


def at_pace(
    frames: Iterable[tuple[NDArray[np.uint8], float]], fps: float | None
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """(pixels, milliseconds) -> (number, pixels): every frame once, or with `fps` what is seen at each 1/fps of a second.

    A long frame is then given several times, and one that begins and ends between two moments not at all.
    """
    if fps is None:
        yield from enumerate(pixels for pixels, _ in frames)
        return
    number, end = 0, 0.0
    for pixels, milliseconds in frames:
        end += shown_for(milliseconds)
        # Moment n is at 1000 n / fps; the hair's breadth keeps sums of thirds on the right side.
        while number * 1000 / fps < end - 1e-6:
            yield number, pixels
            number += 1
