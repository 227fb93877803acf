"""Scene cuts: where one frame has little to do with the one before."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Share of full scale that the image changes by, in a 16x16 grey reduction of it.
_LEAST = 0.1
# ... and how many times the usual change of this scene that is: a shaky hand is not a row of cuts.
_TIMES_USUAL = 5.0


class Scenes:
    """Counts the scenes of one clip from its frames in order."""

    def __init__(self) -> None:
        self.number = 0
        self._last: NDArray[np.floating[Any]] | None = None
        self._changes: deque[float] = deque(maxlen=30)

    def of(self, pixels: NDArray[np.uint8]) -> int:
        """The number of the scene that this frame, the next one, belongs to."""
        grey = Image.fromarray(pixels).convert("L").resize((16, 16), Image.Resampling.BOX)
        small = np.asarray(grey, dtype=np.float32) / np.float32(255)
        if self._last is not None:
            change = float(np.abs(small - self._last).mean())
            usual = float(np.median(self._changes)) if self._changes else 0.0
            if change > max(_LEAST, _TIMES_USUAL * usual):
                self.number += 1
                self._changes.clear()
            else:
                self._changes.append(change)
        self._last = small
        return self.number
