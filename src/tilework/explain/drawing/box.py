"""A feature map as a box seen from the front, above and the right: channels to the right, height down, width into the page."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tilework.explain.drawing.svg import PANEL, Point, line, polygon

INTO_X, INTO_Y = 0.46, -0.3
"""How far a step into the page goes right and up."""
PER_ROOT_CHANNEL = 3.0
LEAST_FACE, LEAST_DEPTH = 7.0, 4.0
_DIVISIONS = 8


@dataclass(frozen=True)
class Box:
    """Its size on the page, and where its lower left front corner is."""

    depth: float
    """Along x: the channels."""
    high: float
    wide: float
    """Into the page, before it is drawn slanted."""
    x: float = 0.0
    y: float = 0.0

    @classmethod
    def of(cls, channels: int, height: int, width: int, scale: float) -> Box:
        """The box of a feature map; `scale` is the page's units for a pixel."""
        return cls(
            max(LEAST_DEPTH, PER_ROOT_CHANNEL * math.sqrt(channels)),
            max(LEAST_FACE, height * scale),
            max(LEAST_FACE, width * scale),
        )

    @property
    def across(self) -> float:
        """What it takes from left to right."""
        return self.depth + self.wide * INTO_X

    @property
    def tall(self) -> float:
        """What it takes from top to bottom."""
        return self.high - self.wide * INTO_Y

    def at(self, x: float, middle: float) -> Box:
        """The same, its left at x and its middle at this height."""
        return Box(self.depth, self.high, self.wide, x, middle + self.tall / 2)

    def corner(self, right: float, up: float, into: float) -> Point:
        """A point of it, by shares of its sides."""
        slant = into * self.wide
        return self.x + right * self.depth + slant * INTO_X, self.y - up * self.high + slant * INTO_Y

    def drawn(self, colour: str, *, divided: int = 0) -> str:
        """Front, top and the face at the right; `divided`: a grid of so many cells on that face."""
        c = self.corner
        front = [c(0, 0, 0), c(1, 0, 0), c(1, 1, 0), c(0, 1, 0)]
        top = [c(0, 1, 0), c(1, 1, 0), c(1, 1, 1), c(0, 1, 1)]
        face = [c(1, 0, 0), c(1, 0, 1), c(1, 1, 1), c(1, 1, 0)]
        outline = [c(0, 0, 0), c(1, 0, 0), c(1, 0, 1), c(1, 1, 1), c(0, 1, 1), c(0, 1, 0)]
        parts = [
            polygon(outline, fill=PANEL),
            polygon(front, fill=colour, fill_opacity="0.85"),
            polygon(top, fill=colour, fill_opacity="0.6"),
            polygon(face, fill=colour, fill_opacity="0.28"),
        ]
        for number in range(1, min(divided, _DIVISIONS)):
            share = number / min(divided, _DIVISIONS)
            parts += [
                line(c(1, 0, share), c(1, 1, share), stroke=colour, stroke_width="0.6"),
                line(c(1, share, 0), c(1, share, 1), stroke=colour, stroke_width="0.6"),
            ]
        parts.append(
            polygon(outline, fill="none", stroke=colour, stroke_width="1", stroke_linejoin="round", class_="edge")
        )
        return "".join(parts)
