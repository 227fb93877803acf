"""Where the loops are drawn: coordinates, colours, and the reduction that smooths every edge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tilework.spec import Size

Floats = NDArray[np.floating[Any]]
Frame = Callable[[float], Image.Image]
"""Draws the frame at time t, for t in [0, 1); t = 1 would be t = 0 again."""

TAU = 2 * np.pi
LINES = 4
FIELD = 2


class Canvas:
    """An image of `size` seen as a plane: the origin in the middle, the shorter side from -1 to 1, y upwards.

    Lines and shapes are drawn 4 times as large, fields of colour (already smooth) 2 times; `finish` reduces by area.
    """

    def __init__(self, size: Size, chance: np.random.Generator | None = None) -> None:
        self.size = size
        self.chance = chance
        """Where a variant takes its own measures from; None for the first, which has the usual ones."""
        self.hue = self.vary(0.0, 0.0, 1.0)
        """How far round the colour circle the drawing's colours are turned."""
        self.unit = LINES * min(size) / 2
        """Pixels of the large drawing per unit."""
        self.reach = (size.width / min(size), size.height / min(size))
        """Largest |x| and |y| in the image."""

    def vary(self, usual: float, low: float, high: float) -> float:
        """A measure of the drawing: the usual one, or for a variant any between `low` and `high`."""
        return usual if self.chance is None else float(self.chance.uniform(low, high))

    @cached_property
    def grid(self) -> tuple[Floats, Floats]:
        """x and y of every field point, each (FIELD x H, FIELD x W)."""
        width, height = FIELD * self.size.width, FIELD * self.size.height
        x = ((np.arange(width) + 0.5) / width * 2 - 1) * self.reach[0]
        y = (1 - (np.arange(height) + 0.5) / height * 2) * self.reach[1]
        across, up = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
        return across, up

    @property
    def pixel(self) -> float:
        """Width of one final pixel in units: the softness of an edge in a field."""
        return 2 / min(self.size)

    def blank(self, colour: tuple[int, int, int]) -> tuple[Image.Image, ImageDraw.ImageDraw]:
        """A large empty drawing, and a pen that blends colours with an alpha."""
        image = Image.new("RGB", (LINES * self.size.width, LINES * self.size.height), colour)
        return image, ImageDraw.Draw(image, "RGBA")

    def place(self, points: Floats) -> list[tuple[float, float]]:
        """Points of the plane (n, 2) -> pixels of the large drawing."""
        # Pillow's coordinates are those of pixel centres, and its lines cut fractions off: round here.
        x = np.rint((points[:, 0] + self.reach[0]) * self.unit - 0.5)
        y = np.rint((self.reach[1] - points[:, 1]) * self.unit - 0.5)
        return list(zip(x.tolist(), y.tolist(), strict=True))

    def disc(self, pen: ImageDraw.ImageDraw, centre: Sequence[float], radius: float, fill: tuple[int, ...]) -> None:
        """A filled circle."""
        x, y = (centre[0] + self.reach[0]) * self.unit - 0.5, (self.reach[1] - centre[1]) * self.unit - 0.5
        r = max(0.0, radius * self.unit - 0.5)  # the box that Pillow takes includes its last row and column
        pen.ellipse((round(x - r), round(y - r), round(x + r), round(y + r)), fill=fill)

    def line(self, pen: ImageDraw.ImageDraw, points: Floats, width: float, fill: tuple[int, ...]) -> None:
        """A line through points of the plane, `width` in units."""
        pen.line(self.place(points), fill=fill, width=max(1, round(width * self.unit)), joint="curve")

    def field(self, colours: Floats) -> Image.Image:
        """A field of colours (FIELD x H, FIELD x W, 3) in [0, 1] as an image."""
        return Image.fromarray(np.rint(np.clip(colours, 0, 1) * 255).astype(np.uint8))

    def finish(self, image: Image.Image, channels: int) -> NDArray[np.uint8]:
        """The drawing reduced by area to (H, W, channels)."""
        small = image.reduce(image.width // self.size.width)
        if self.hue:
            small = Image.fromarray(_turned(np.asarray(small), self.hue))
        pixels = np.asarray(small if channels == 3 else small.convert("L"))
        return pixels if channels == 3 else pixels[:, :, None]


def _turned(pixels: NDArray[np.uint8], part: float) -> NDArray[np.uint8]:
    """Colours turned about the line of greys by a part of the circle."""
    cos, sin = np.cos(TAU * part), np.sin(TAU * part)
    along, across = (1 - cos) / 3, sin / np.sqrt(3)
    turn = np.array(
        [
            [cos + along, along - across, along + across],
            [along + across, cos + along, along - across],
            [along - across, along + across, cos + along],
        ],
        dtype=np.float32,
    )
    turned: NDArray[np.uint8] = np.rint(np.clip(pixels.astype(np.float32) @ turn.T, 0, 255)).astype(np.uint8)
    return turned


def rgb(hexadecimal: str) -> tuple[int, int, int]:
    """`1b2a41` -> (27, 42, 65)."""
    red, green, blue = bytes.fromhex(hexadecimal)
    return red, green, blue


def ramp(colours: Sequence[str], at: Floats | float) -> Floats:
    """Colours along a ramp, `at` in [0, 1] -> (..., 3) in [0, 1]."""
    stops = np.array([rgb(c) for c in colours], dtype=np.float32) / 255
    place = np.clip(np.asarray(at, dtype=np.float32), 0, 1) * (len(stops) - 1)
    low = np.minimum(place.astype(np.int64), len(stops) - 2)
    part = (place - low)[..., None]
    colours_at: Floats = stops[low] * (1 - part) + stops[low + 1] * part
    return colours_at


def cycle(colours: Sequence[str], at: Floats | float) -> Floats:
    """Like `ramp`, but the last colour runs back into the first: `at` may be any number, whole parts do not matter."""
    return ramp([*colours, colours[0]], np.mod(np.asarray(at, dtype=np.float64), 1.0).astype(np.float32))


def ink(colour: Floats, alpha: float = 1.0) -> tuple[int, int, int, int]:
    """One colour (3,) in [0, 1] as a pen takes it."""
    red, green, blue = (round(float(c) * 255) for c in colour)
    return red, green, blue, round(alpha * 255)


def smoothstep(low: float, high: float, values: Floats) -> Floats:
    """0 below `low`, 1 above `high`, a smooth cubic between."""
    x: Floats = np.clip((values - low) / (high - low), 0, 1)
    return x * x * (3 - 2 * x)


def ease(t: float) -> float:
    """A turn that rests at whole numbers: rises by 1 as t does, with no speed at t = 0, 1, 2, ..."""
    return float(t - np.sin(TAU * t) / TAU)
