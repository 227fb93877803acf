"""The same drawing seen from its other sides: mirrored, and turned by quarters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def turned(pixels: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
    """(H, W, C) as drawing `number` of one kind is seen, counted from 0: the first one as it is, the others in turn.

    A square has eight sides (four quarter turns, and each mirrored), so that eight drawings have all of them; an oblong has four,
    as a quarter turn would not fit it.
    """
    height, width = pixels.shape[:2]
    quarters, mirrored = divmod(number % 8, 2) if height == width else divmod(number % 4, 2)
    seen = np.rot90(pixels, quarters if height == width else 2 * quarters)
    return np.ascontiguousarray(seen[:, ::-1] if mirrored else seen)
