"""Dashes that drift along a slowly breathing field of noise."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tilework.data.loops.canvas import TAU, Canvas, Floats, Frame, ink, ramp

_COLOURS = ("264653", "2a9d8f", "8ab17d", "e9c46a", "f4a261", "e76f51", "ffe8d6")


def make(canvas: Canvas, rng: np.random.Generator) -> Frame:
    waves = 5
    pull = rng.normal(0, 1.5, size=(waves, 2))
    phase = rng.uniform(0, TAU, size=waves)
    speed = rng.choice([-1, 1], size=waves)
    seeds = _scattered(canvas, rng)
    offset = rng.uniform(0, 1, size=len(seeds))
    colours = ramp(_COLOURS, rng.uniform(0, 1, size=len(seeds)) ** 0.8)
    steps, length, stride = 20, 0.42, 0.07

    def angle(points: Floats, t: float) -> Floats:
        lean = points @ pull.T + phase + 0.5 * np.sin(TAU * (t * speed) + phase)
        return np.asarray(0.9 * np.sin(lean).sum(axis=1), dtype=np.float32)

    def draw(t: float) -> Image.Image:
        image, pen = canvas.blank((12, 22, 30))
        paths = np.empty((len(seeds), steps, 2), dtype=np.float32)
        paths[:, 0] = seeds
        for step in range(1, steps):
            turn = angle(paths[:, step - 1], t)
            paths[:, step] = paths[:, step - 1] + stride * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        # A dash enters its path at one end and has left it at the other when the loop closes.
        head = np.mod(offset + t, 1.0) * (1 + length)
        for seed in range(len(seeds)):
            low = max(0.0, head[seed] - length) * (steps - 1)
            high = min(1.0, head[seed]) * (steps - 1)
            if high - low > 0.2:
                points = _along(paths[seed], np.linspace(low, high, 8))
                fade = np.sin(np.pi * head[seed] / (1 + length))
                canvas.line(pen, points, 0.012 + 0.034 * fade, ink(colours[seed], 0.35 + 0.65 * fade))
        return image

    return draw


def _scattered(canvas: Canvas, rng: np.random.Generator) -> Floats:
    """Starting points on a jittered grid that reaches a little outside the image."""
    gap = 0.21
    x, y = np.meshgrid(*(np.arange(-r - 0.6, r + 0.6, gap) for r in canvas.reach))
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    return (points + rng.uniform(-gap / 2, gap / 2, size=points.shape)).astype(np.float32)


def _along(path: Floats, at: Floats) -> Floats:
    low = np.minimum(at.astype(np.int64), len(path) - 2)
    part = (at - low)[:, None]
    points: Floats = path[low] * (1 - part) + path[low + 1] * part
    return points
