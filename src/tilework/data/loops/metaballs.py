"""Drops that swim through each other and melt together where they meet."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tilework.data.loops.canvas import TAU, Canvas, Frame, ramp, rgb, smoothstep

_WATER = ("22223b", "3a3560")
_DROP = ("e0245e", "ff4d6d", "ff9770", "ffd670", "fff6d6")


def make(canvas: Canvas, rng: np.random.Generator) -> Frame:
    x, y = canvas.grid
    count = 9
    size = rng.uniform(0.13, 0.25, size=count)
    start = rng.uniform(0, TAU, size=(count, 2))
    turns = rng.choice([-2, -1, 1, 2], size=(count, 2))
    swing = rng.uniform(0.35, 0.8, size=(count, 2)) * np.array(canvas.reach)
    dark, light = (np.array(rgb(c), dtype=np.float32) / 255 for c in _WATER)
    glow = np.array(rgb(_DROP[0]), dtype=np.float32) / 255
    depth = ((y / canvas.reach[1] + 1) / 2)[..., None]
    water = dark * (1 - depth) + light * depth

    def draw(t: float) -> Image.Image:
        pull = np.zeros_like(x)
        for ball in range(count):
            cx, cy = swing[ball] * np.sin(start[ball] + TAU * turns[ball] * t)
            pull += np.float32(size[ball] ** 2) / ((x - np.float32(cx)) ** 2 + (y - np.float32(cy)) ** 2 + 1e-4)
        # The distance to the rim in pixels is (pull - 1) over the slope of pull; near the rim that slope is about 2 / size.
        edge = 6 * canvas.pixel
        inside = smoothstep(1 - edge / 2, 1 + edge / 2, pull)[..., None]
        halo = smoothstep(0.5, 1.0, pull)[..., None] * 0.22
        drop = ramp(_DROP, 1 - np.exp(-(np.maximum(pull, 1) - 1) * 0.55))
        behind = water * (1 - halo) + glow * halo
        return canvas.field(behind * (1 - inside) + drop * inside)

    return draw
