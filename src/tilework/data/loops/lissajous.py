"""A Lissajous curve whose phase goes once round, with beads that run along it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tilework.data.loops.canvas import TAU, Canvas, Floats, Frame, cycle, ink

_COLOURS = ("ff4d6d", "ffb703", "8ecae6", "9b5de5")


def make(canvas: Canvas, rng: np.random.Generator) -> Frame:
    a, b = [(3, 2), (5, 4), (3, 4), (5, 3)][int(rng.integers(4))]
    parts = 240
    colours = [ink(c) for c in cycle(_COLOURS, np.arange(parts) / parts)]
    theta = np.linspace(0, TAU, parts + 1)
    width, height = 0.84 * canvas.reach[0], 0.84 * canvas.reach[1]

    def curve(at: Floats, t: float) -> Floats:
        return np.stack([width * np.sin(a * at + TAU * t), height * np.sin(b * at)], axis=1).astype(np.float32)

    def draw(t: float) -> Image.Image:
        image, pen = canvas.blank((13, 15, 32))
        points = curve(theta, t)
        for part in range(parts):
            shade = part / parts
            swell = 0.035 + 0.025 * np.sin(TAU * (3 * shade - t)) ** 2
            canvas.line(pen, points[part : part + 2], swell, colours[part])
        for bead in range(3):
            place = curve(np.array([TAU * (t + bead / 3)]), t)[0]
            canvas.disc(pen, place, 0.10, (255, 255, 255, 70))
            canvas.disc(pen, place, 0.06, (255, 255, 255, 255))
        return image

    return draw
