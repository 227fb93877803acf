"""Truchet tiles: quarter circles that join into winding bands while a wave turns the tiles."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tilework.data.loops.canvas import TAU, Canvas, Frame, rgb, smoothstep

_PAPER, _BAND, _CORE = "f1e9da", "22577a", "f4a259"


def make(canvas: Canvas, rng: np.random.Generator) -> Frame:
    x, y = canvas.grid
    across = canvas.vary(2.2, 1.5, 3.2)  # tiles per unit
    column, row = np.floor(x * across + 1000.5), np.floor(y * across + 1000.5)
    local_x, local_y = x * across + 1000 - column, y * across + 1000 - row
    flips = rng.integers(0, 2, size=(4096,))
    flip = flips[((column * 73 + row * 149) % 4096).astype(np.int64)]
    lag = np.hypot(column - 1000, row - 1000) * canvas.vary(0.055, 0.03, 0.09) + 0.04 * np.sin(column + 2 * row)
    soft = canvas.pixel * across
    paper, band, core = (np.array(rgb(c), dtype=np.float32) / 255 for c in (_PAPER, _BAND, _CORE))

    def draw(t: float) -> Image.Image:
        # Half a turn per loop brings a tile back to itself; it moves for a part of the loop and rests for the other.
        phase = np.mod(t - lag, 1.0)
        angle = TAU / 4 * flip + TAU / 2 * smoothstep(0.0, 0.55, phase)
        cos, sin = np.cos(angle), np.sin(angle)
        u, v = cos * local_x - sin * local_y, sin * local_x + cos * local_y
        first = np.abs(np.hypot(u + 0.5, v + 0.5) - 0.5)
        second = np.abs(np.hypot(u - 0.5, v - 0.5) - 0.5)
        away = np.minimum(first, second)[..., None]
        outer = 1 - smoothstep(0.21 - soft / 2, 0.21 + soft / 2, away)
        inner = 1 - smoothstep(0.075 - soft / 2, 0.075 + soft / 2, away)
        return canvas.field((paper * (1 - outer) + band * outer) * (1 - inner) + core * inner)

    return draw
