"""Particles in orbit, each with a tail that fades, round a glowing centre."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tilework.data.loops.canvas import TAU, Canvas, Floats, Frame, ink, ramp

_COLOURS = ("fff3b0", "ffd166", "ef476f", "c77dff", "5390d9", "06d6a0")


def make(canvas: Canvas, rng: np.random.Generator) -> Frame:
    count = 9
    radius = np.linspace(0.28, 1.02, count)
    turns = np.array([3, -3, 2, 2, -2, 1, 1, -1, 1])
    start = rng.uniform(0, 1, size=count)
    lean = rng.uniform(-0.25, 0.25) + np.linspace(0, 0.5, count)
    tail = 22

    def place(body: int, at: Floats) -> Floats:
        turn = TAU * (start[body] + turns[body] * at)
        x, y = radius[body] * np.cos(turn), 0.82 * radius[body] * np.sin(turn)
        cos, sin = np.cos(lean[body]), np.sin(lean[body])
        # Wide images get wide orbits.
        points = np.stack([(cos * x - sin * y) * canvas.reach[0], (sin * x + cos * y) * canvas.reach[1]], axis=1)
        return (0.92 * points).astype(np.float32)

    def draw(t: float) -> Image.Image:
        image, pen = canvas.blank((10, 9, 26))
        glow = 1 + 0.12 * np.sin(TAU * t)
        for step in range(5):
            canvas.disc(pen, (0, 0), (0.24 - 0.035 * step) * glow, (255, 214, 130, 40 + 45 * step))
        for body in range(count):
            colour = ramp(_COLOURS, body / (count - 1))
            canvas.line(pen, place(body, np.linspace(0, 1, 49)), 0.012, ink(colour, 0.25))
            past = place(body, t - np.linspace(0.24, 0, tail) / abs(turns[body]))
            for part in range(tail - 1):
                grown = (part + 1) / tail
                canvas.line(pen, past[part : part + 2], 0.02 + 0.09 * grown, ink(colour, 0.75 * grown**1.5))
            canvas.disc(pen, past[-1], 0.085 - 0.003 * body, ink(colour))
        return image

    return draw
