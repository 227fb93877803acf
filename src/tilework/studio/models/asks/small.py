"""Images made small for lists and hovering."""

from __future__ import annotations

import numpy as np

from tilework.explore.opened import Pixels

MOST_PIXELS = 64


def small(images: Pixels) -> Pixels:
    """(n, H, W, C) uint8 -> the same with sides of at most 64 pixels, each the mean of a rectangle of pixels."""
    _, height, width, _ = images.shape
    factor = -(-max(height, width) // MOST_PIXELS)
    if factor <= 1:
        return images
    high, wide = min(factor, height), min(factor, width)
    cut = images[:, : height // high * high, : width // wide * wide]
    parts = cut.reshape(len(images), height // high, high, width // wide, wide, images.shape[3])
    found: Pixels = parts.mean((2, 4)).round().astype(np.uint8)
    return found
