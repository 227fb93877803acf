"""A sheet of images with words, drawn by Pillow: pixels stay pixels, enlarged by a whole factor."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tilework.explore.opened import Pixels
from tilework.explore.paper import FRAME, GROUND, MUTE, TEXT, Colour, lay

NOTHING: Colour = (21, 26, 33)
"""What a map of heat shows for 0: dark on a light ground, so that the map's edge is seen."""
GAP = 16
"""Pixels between two things."""
LINE_HEIGHT = 1.35
_FULL_ERROR = 0.5


def factor_for(pixels: int, at_least: int) -> int:
    """The smallest whole factor that makes `pixels` at least so many."""
    return max(1, -(-at_least // pixels))


def heat(values: NDArray[np.floating], full: float = _FULL_ERROR) -> Pixels:
    """(H, W) from 0 to `full` and beyond -> (H, W, 3) uint8: dark for 0, over orange, to white from `full` on."""
    at = np.clip(values / full if full > 0 else np.zeros_like(values), 0, 1)[..., None]
    stops = np.array([NOTHING, (150, 50, 40), FRAME, (255, 250, 240)], np.float64)
    scaled = at * (len(stops) - 1)
    low = np.minimum(scaled.astype(np.int64), len(stops) - 2)
    mixed = stops[low[..., 0]] * (1 - (scaled - low)) + stops[low[..., 0] + 1] * (scaled - low)
    found: Pixels = np.rint(mixed).astype(np.uint8)
    return found


def over(pixels: Pixels, values: NDArray[np.floating]) -> Pixels:
    """A map (H, W) of any scale over an image (H, W, C), which is grey and dark where the map is 0: (H, W, 3) uint8."""
    grey = pixels.astype(np.float32).mean(-1, keepdims=True) / 255
    share = (values / max(float(values.max(initial=0)), 1e-30))[..., None]
    ground = np.array(NOTHING, np.float32) + 90 * grey
    bright = heat(values, float(values.max(initial=0))).astype(np.float32)
    found: Pixels = np.rint(ground * (1 - np.sqrt(share)) + bright * np.sqrt(share)).astype(np.uint8)
    return found


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font."""
    return ImageFont.load_default(size)


def wide(text: str, size: int) -> int:
    """Pixels that a line of text takes."""
    return round(font(size).getlength(text))


@dataclass
class Block:
    """Something that is laid on a sheet: an image with a heading above it and lines below."""

    image: Image.Image
    title: str = ""
    below: tuple[str, ...] = ()
    framed: bool = True
    """Whether it has a line around it: what is words has none."""

    def size(self, titles: bool) -> tuple[int, int]:
        """Width and height in pixels."""
        words = [wide(self.title, 14), *(wide(line, 13) for line in self.below)]
        above = 24 * titles
        return max([self.image.width, *words]), above + self.image.height + 6 * bool(self.below) + 18 * len(self.below)


@dataclass
class Sheet:
    """Rows of blocks, from the top down; `draw` gives the image."""

    heading: str
    facts: tuple[str, ...] = ()
    rows: list[list[Block]] = field(default_factory=list)
    table: list[tuple[str, ...]] = field(default_factory=list)
    """Rows of words below everything; the first is its heading."""

    def draw(self) -> Image.Image:
        """An RGB image."""
        sizes = [[block.size(any(b.title for b in row)) for block in row] for row in self.rows]
        widths = [sum(w for w, _ in row) + GAP * (len(row) - 1) for row in sizes]
        columns = self._columns()
        head = 26 + 19 * len(self.facts)
        inner = max([wide(self.heading, 18), *(wide(f, 13) for f in self.facts), *widths, sum(columns)])
        heights = [max(h for _, h in row) for row in sizes]
        tall = head + sum(h + GAP for h in heights) + (19 * len(self.table) + GAP if self.table else 0)
        sheet = Image.new("RGB", (inner + 2 * GAP, tall + 2 * GAP), GROUND)
        pen = ImageDraw.Draw(sheet)
        pen.text((GAP, GAP), self.heading, fill=TEXT, font=font(18))
        for number, fact in enumerate(self.facts):
            pen.text((GAP, GAP + 27 + 19 * number), fact, fill=MUTE, font=font(13))
        top = GAP + head + GAP
        for row, measured, high in zip(self.rows, sizes, heights, strict=True):
            left, titled = GAP, any(block.title for block in row)
            for block, (width, _) in zip(row, measured, strict=True):
                pen.text((left, top), block.title, fill=TEXT, font=font(14))
                at = top + 24 * titled
                lay(sheet, block.image, left, at) if block.framed else sheet.paste(block.image, (left, at))
                for number, line in enumerate(block.below):
                    pen.text((left, at + block.image.height + 6 + 18 * number), line, fill=MUTE, font=font(13))
                left += width + GAP
            top += high + GAP
        for number, words in enumerate(self.table):
            left = GAP
            for word, width in zip(words, columns, strict=True):
                pen.text((left, top + 19 * number), word, fill=MUTE if number == 0 else TEXT, font=font(13))
                left += width
        return sheet

    def _columns(self) -> list[int]:
        return [max(wide(word, 13) for word in column) + 2 * GAP for column in zip(*self.table, strict=True)]
