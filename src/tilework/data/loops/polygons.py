"""Nested polygons that turn one after the other, like a flower of paper."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tilework.data.loops.canvas import TAU, Canvas, Floats, Frame, ease, ink, ramp

_COLOURS = ("f6efe0", "f2b134", "ed553b", "7a2a4e", "1b1b3a", "112f41", "3caea3")


def make(canvas: Canvas, rng: np.random.Generator) -> Frame:
    sides = int(rng.integers(3, 7))
    rings = 11
    lean = float(rng.uniform(0, TAU))
    bend, swell = canvas.vary(1.25, 0.8, 1.6), canvas.vary(0.05, 0.0, 0.12)
    outer = 1.15 * float(np.hypot(*canvas.reach)) / np.cos(np.pi / sides)

    def draw(t: float) -> Image.Image:
        image, pen = canvas.blank((17, 47, 65))
        for ring in range(rings):
            # One symmetry step per loop, so the last frame meets the first; inner rings follow later.
            angle = lean + ease(t - 0.45 * ring / rings) * TAU / sides + 0.12 * ring
            radius = outer * (1 - ring / rings) ** bend * (1 + swell * np.sin(TAU * (t - ring / rings)))
            pen.polygon(
                canvas.place(_corners(sides, radius, angle)), fill=ink(ramp(_COLOURS, (ring * 3 % rings) / rings))
            )
        return image

    return draw


def _corners(sides: int, radius: float, angle: float) -> Floats:
    turn = angle + TAU * np.arange(sides) / sides
    return (radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)).astype(np.float32)
