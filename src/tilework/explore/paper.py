"""The colours of everything that is written as an image: one light ground, so that all sheets look alike and can be printed."""

from __future__ import annotations

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
GROUND: Colour = (246, 244, 239)
RAISED: Colour = (226, 221, 208)
LINE: Colour = (208, 201, 186)
TEXT: Colour = (28, 33, 40)
MUTE: Colour = (98, 106, 118)
ACCENT: Colour = (180, 98, 10)
BAD: Colour = (185, 58, 40)
FRAME: Colour = (242, 163, 58)
"""Around cells within an image, which may be of any colour."""


def lay(sheet: Image.Image, image: Image.Image, left: int, top: int) -> None:
    """Put an image on a sheet, with a line around it: a white one has an edge too."""
    ImageDraw.Draw(sheet).rectangle((left - 1, top - 1, left + image.width, top + image.height), outline=LINE)
    sheet.paste(image, (left, top))
