"""A Lissajous curve whose phase goes once round, with beads that run along it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tilework.data.loops.canvas import TAU, Canvas, Floats, Frame, cycle, ink

_COLOURS = ("ff4d6d", "ffb703", "8ecae6", "9b5de5")


def make(canvas: Canvas, rng: np.random.Generator) -> Frame:
    a, b = [(3, 2), (5, 4), (3, 4), (5, 3)][int(rng.integers(4))]
    parts = 240
    thick, beads = canvas.vary(0.035, 0.02, 0.06), canvas.vary(0.06, 0.04, 0.09)
    colours = [ink(c) for c in cycle(_COLOURS, np.arange(parts) / parts)]
    theta = np.linspace(0, TAU, parts + 1)
    width, height = canvas.vary(0.84, 0.5, 0.9) * canvas.reach[0], canvas.vary(0.84, 0.5, 0.9) * canvas.reach[1]
    twist = canvas.vary(0.0, 0.0, 0.35)

    def curve(at: Floats, t: float) -> Floats:
        bent = twist * np.sin(at + TAU * t)
        return np.stack([width * np.sin(a * at + TAU * t + bent), height * np.sin(b * at + bent)], axis=1).astype(
            np.float32
        )

    def draw(t: float) -> Image.Image:
        image, pen = canvas.blank((13, 15, 32))
        points = curve(theta, t)
        for part in range(parts):
            shade = part / parts
            swell = thick + 0.025 * np.sin(TAU * (3 * shade - t)) ** 2
            canvas.line(pen, points[part : part + 2], swell, colours[part])
        for bead in range(3):
            place = curve(np.array([TAU * (t + bead / 3)]), t)[0]
            canvas.disc(pen, place, beads + 0.04, (255, 255, 255, 70))
            canvas.disc(pen, place, beads, (255, 255, 255, 255))
        return image

    return draw
