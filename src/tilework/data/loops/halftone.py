"""A grid of printed dots that swell as rings pass through it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tilework.data.loops.canvas import TAU, Canvas, Frame, ink, ramp

_COLOURS = ("d62828", "f77f00", "003049")


def make(canvas: Canvas, rng: np.random.Generator) -> Frame:
    gap = canvas.vary(0.2, 0.15, 0.28)
    wavelength = canvas.vary(1.1, 0.8, 1.6)
    reach = canvas.vary(0.45, 0.2, 0.7)
    start = rng.uniform(0, 1)
    rows = np.arange(-canvas.reach[1] - gap, canvas.reach[1] + gap, gap * 0.866)
    columns = np.arange(-canvas.reach[0] - gap, canvas.reach[0] + gap, gap)
    dots = np.array([(c + gap / 2 * (r % 2), y) for r, y in enumerate(rows) for c in columns], dtype=np.float32)

    def draw(t: float) -> Image.Image:
        image, pen = canvas.blank((252, 243, 223))
        turn = TAU * (start + t)
        away = np.hypot(dots[:, 0] - reach * np.cos(turn), dots[:, 1] - reach * np.sin(turn))
        swell = 0.5 + 0.5 * np.cos(TAU * (away / wavelength - 2 * t))
        radius = gap * (0.09 + 0.47 * swell)
        for dot, r, shade in zip(dots, radius, np.clip(away / 1.5, 0, 1), strict=True):
            canvas.disc(pen, dot, float(r), ink(ramp(_COLOURS, float(shade))))
        return image

    return draw
