"""Spirograph curves: a wheel in a wheel, the pen moving in and out as the whole turns."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tilework.data.loops.canvas import TAU, Canvas, Frame, ink, ramp

_COLOURS = ("e0fbfc", "98c1d9", "ee6c4d")


def make(canvas: Canvas, rng: np.random.Generator) -> Frame:
    petals = int(rng.integers(5, 9))
    theta = np.linspace(0, TAU, 481)
    layers = 3
    middle, swing = canvas.vary(0.36, 0.2, 0.45), canvas.vary(0.30, 0.15, 0.35)
    lean = canvas.vary(0.0, 0.0, TAU)

    def draw(t: float) -> Image.Image:
        image, pen = canvas.blank((28, 37, 54))
        for layer in range(layers):
            shift = layer / layers
            reach = middle + swing * np.sin(TAU * (t + 0.35 * shift))
            turn = TAU * t / petals + 0.22 * shift + lean
            x = (1 - abs(reach) * 0.75) * np.cos(theta + turn) + reach * np.cos((petals - 1) * theta - turn)
            y = (1 - abs(reach) * 0.75) * np.sin(theta + turn) - reach * np.sin((petals - 1) * theta - turn)
            scale = 0.84 - 0.1 * shift
            points = np.stack([x * canvas.reach[0], y * canvas.reach[1]], axis=1) * scale
            canvas.line(pen, points.astype(np.float32), 0.034 + 0.016 * shift, ink(ramp(_COLOURS, shift * 1.5), 0.9))
        return image

    return draw
