"""Stained glass: the cells of points that circle in their places, leaded at the borders."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tilework.data.loops.canvas import TAU, Canvas, Frame, ramp, rgb, smoothstep

_GLASS = ("0b6e4f", "08a045", "6bbf59", "ddb967", "d0e37f", "f9f7d9")
_LEAD = "14213d"


def make(canvas: Canvas, rng: np.random.Generator) -> Frame:
    x, y = canvas.grid
    gap = 0.62
    homes = np.stack(
        [g.ravel() for g in np.meshgrid(*(np.arange(-r - gap / 2, r + gap, gap) for r in canvas.reach))], 1
    )
    homes = homes + rng.uniform(-0.16, 0.16, size=homes.shape)
    start = rng.uniform(0, TAU, size=len(homes))
    turns = rng.choice([-1, 1], size=len(homes))
    glass = ramp(_GLASS, rng.permutation(len(homes)) / (len(homes) - 1))
    lead = np.array(rgb(_LEAD), dtype=np.float32) / 255

    def draw(t: float) -> Image.Image:
        turn = start + TAU * turns * t
        points = (homes + 0.2 * np.stack([np.cos(turn), np.sin(turn)], axis=1)).astype(np.float32)
        away = np.hypot(x - points[:, 0, None, None], y - points[:, 1, None, None])
        nearest = away.argmin(axis=0)
        first = away.min(axis=0)
        np.put_along_axis(away, nearest[None], np.inf, axis=0)
        next_nearest, second = away.argmin(axis=0), away.min(axis=0)
        # The distance to the border between the two cells, exact: away from it, d2 - d1 grows slower than that.
        apart = np.hypot(*np.moveaxis(points[nearest] - points[next_nearest], -1, 0))
        rim = (second**2 - first**2) / (2 * apart)
        border = smoothstep(0.034 - canvas.pixel / 2, 0.034 + canvas.pixel / 2, rim)[..., None]
        light = (1.12 - 0.55 * first)[..., None]
        return canvas.field(lead * (1 - border) + glass[nearest] * light * border)

    return draw
