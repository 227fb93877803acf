"""Circular waves from three moving sources, and the pattern where they meet."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tilework.data.loops.canvas import TAU, Canvas, Frame, ramp

_COLOURS = ("03071e", "1d3557", "457b9d", "a8dadc", "f1faee", "e63946", "6a040f")


def make(canvas: Canvas, rng: np.random.Generator) -> Frame:
    x, y = canvas.grid
    start = rng.uniform(0, 1)
    wavelength = canvas.vary(0.52, 0.36, 0.75)
    reach = canvas.vary(0.75, 0.4, 1.0)

    def draw(t: float) -> Image.Image:
        height = np.zeros_like(x)
        for source in range(3):
            turn = TAU * (start + source / 3 + t)
            away = np.hypot(x - reach * canvas.reach[0] * np.cos(turn), y - reach * canvas.reach[1] * np.sin(turn))
            height += np.cos(TAU * (away / wavelength - 2 * t)).astype(np.float32) / (1 + 0.5 * away)
        return canvas.field(ramp(_COLOURS, 0.5 + 0.23 * height))

    return draw
