"""Evidence as a small image: rows of images side by side, enlarged by a whole factor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from tilework.engine.autoencoder.snapshot import to_uint8
from tilework.engine.probing.contract import Pixels

ACROSS, MOST = 640, 8
"""Pixels across that evidence has at most, and images in a row."""
_GAP, _GROUND = 3, 235


def rows(*images: Tensor) -> Pixels:
    """Rows of images (n, C, h, w) in [0, 1], the first eight of each -> (H, W, 3) uint8."""
    return laid([to_uint8(row[:MOST]) for row in images])


def laid(several: Sequence[Pixels]) -> Pixels:
    """Rows of images (n, h, w, 1 or 3) uint8 -> one image (H, W, 3)."""
    high, wide = several[0].shape[1:3]
    count = max(len(row) for row in several)
    factor = max(1, min(8, (ACROSS - _GAP) // (count * (wide + _GAP))))
    down, across = high * factor + _GAP, wide * factor + _GAP
    sheet = np.full((_GAP + len(several) * down, _GAP + count * across, 3), _GROUND, np.uint8)
    for y, row in enumerate(several):
        for x, image in enumerate(row):
            large = image.repeat(factor, 0).repeat(factor, 1)
            top, left = _GAP + y * down, _GAP + x * across
            sheet[top : top + high * factor, left : left + wide * factor] = large
    return sheet


def stretched(images: Tensor, factor: float = 8.0) -> Tensor:
    """Images (n, C, h, w) with their contrast multiplied, around grey: what is too faint to be seen in print."""
    mean = images.mean((2, 3), keepdim=True)
    return (0.5 + factor * (images - mean)).clamp(0, 1)
