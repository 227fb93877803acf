"""Images laid out on one sheet: enlarged by a whole factor, never smoothed, named where there is something to say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Pixels = NDArray[np.uint8]

WIDE = 1120
"""Pixels across that a sheet has at most, where its images are not larger themselves."""
ALONE = 256
"""Pixels that the shorter side of an image alone has at least."""
_CELL, _FEW = 112, 4
_GAP = 4
_LETTERS = 13
# Grey that can be read on white and on black: the gaps of a sheet are transparent.
_WORDS = (128, 128, 128, 255)


def grid(images: Pixels, *, columns: int | None = None, scale: int | None = None) -> Image.Image:
    """(n, H, W, 1 or 3) uint8 in rows of `columns` (by default about as many as rows) -> RGBA, the gaps transparent."""
    count = len(images)
    columns = columns or max(1, min(count, int(np.ceil(np.sqrt(count)))))
    rows = [images[start : start + columns] for start in range(0, count, columns)]
    return table(rows, scale=scale)


def table(
    rows: Sequence[Pixels], *, names: Sequence[str] = (), heads: Sequence[str] = (), scale: int | None = None
) -> Image.Image:
    """Rows of images (n, H, W, 1 or 3) uint8, each named at the left by `names`, each column at the top by `heads`."""
    high, wide = rows[0].shape[1:3]
    columns = max(len(row) for row in rows)
    scale = scale or whole_scale(wide, high, columns, len(rows))
    font = ImageFont.load_default(_LETTERS)
    left = round(max((font.getlength(name) for name in names), default=0)) + 3 * _GAP if names else 0
    top = _LETTERS + 2 * _GAP if heads else 0
    across, down = wide * scale + _GAP, high * scale + _GAP
    sheet = Image.new("RGBA", (left + columns * across - _GAP, top + len(rows) * down - _GAP))
    draw = ImageDraw.Draw(sheet)
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            sheet.paste(enlarged(image, scale), (left + x * across, top + y * down))
        if names:
            draw.text((left - 2 * _GAP, top + y * down + high * scale / 2), names[y], _WORDS, font, "rm")
    every = _every(heads, font, across)
    for x, head in enumerate(heads):
        if x % every == 0:
            draw.text((left + x * across + wide * scale / 2, top - _GAP), head, _WORDS, font, "ms")
    return sheet


def _every(heads: Sequence[str], font: ImageFont.FreeTypeFont | ImageFont.ImageFont, across: int) -> int:
    """1 where all heads find room above their columns, else the step at which they do."""
    widest = max((font.getlength(head) for head in heads), default=0) + 2 * _GAP
    return max(1, int(np.ceil(widest / across)))


def enlarged(image: Pixels, scale: int) -> Image.Image:
    """(H, W, 1 or 3) uint8 -> an RGB image, each pixel `scale` pixels on a side."""
    rgb = np.repeat(image, 3, axis=-1) if image.shape[-1] == 1 else image
    return Image.fromarray(rgb.repeat(scale, axis=0).repeat(scale, axis=1))


def whole_scale(wide: int, high: int, columns: int, rows: int = 1) -> int:
    """By how much images are enlarged: up to four to 256 pixels, more to some 112 each, as long as all fit 1120 across."""
    if columns == rows == 1:
        return max(1, -(-ALONE // min(wide, high)))
    cell = ALONE if columns * rows <= _FEW else _CELL
    fits = (WIDE - _GAP * (columns - 1)) // (columns * wide)
    return max(1, min(fits, -(-cell // min(wide, high))))
