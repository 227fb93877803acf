"""Images laid out on one sheet: enlarged by a whole factor, never smoothed, named where there are names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tilework.explore.paper import ACCENT, GROUND, MUTE, lay

Pixels = NDArray[np.uint8]

WIDE = 1120
"""Pixels across that a sheet has at most, where its images are not larger themselves."""
ALONE = 256
"""Pixels that the shorter side of an image alone has at least."""
_CELL, _FEW = 112, 4
_GAP = 4
_LETTERS = 13
_EDGE = 12
_MARK = 6


def grid(images: Pixels, *, columns: int | None = None, scale: int | None = None) -> Image.Image:
    """(n, H, W, 1 or 3) uint8 in rows of `columns` (by default about as many as rows), as `table` draws them."""
    columns = columns or square(len(images))
    rows = [images[start : start + columns] for start in range(0, len(images), columns)]
    return table(rows, scale=scale)


def square(count: int) -> int:
    """In how many columns so many images have about as many rows."""
    return max(1, min(count, int(np.ceil(np.sqrt(count)))))


def table(
    rows: Sequence[Pixels],
    *,
    names: Sequence[str] = (),
    heads: Sequence[str] = (),
    marks: Sequence[float] = (),
    foot: str = "",
    scale: int | None = None,
) -> Image.Image:
    """Rows of images (n, H, W, 1 or 3) uint8 on one RGB sheet, each named at the left by `names`, each column at the top by
    `heads`; below each row the place `marks` of it (0 = the first image), and `foot` below all. One image alone is as it is."""
    high, wide = rows[0].shape[1:3]
    columns = max(len(row) for row in rows)
    scale = scale or whole_scale(wide, high, columns, len(rows))
    if columns == len(rows) == 1 and not names and not heads:
        return enlarged(rows[0][0], scale)
    font = ImageFont.load_default(_LETTERS)
    left = _EDGE + (round(max(font.getlength(name) for name in names)) + 3 * _GAP if names else 0)
    top = _EDGE + (_LETTERS + 2 * _GAP if heads else 0)
    across, down = wide * scale + _GAP, high * scale + _GAP + (_MARK if len(marks) else 0)
    below = _LETTERS + 2 * _GAP if foot else 0
    size = (left + columns * across - _GAP + _EDGE, top + len(rows) * down - _GAP + below + _EDGE)
    sheet = Image.new("RGB", (max(size[0], round(font.getlength(foot)) + 2 * _EDGE), size[1]), GROUND)
    draw = ImageDraw.Draw(sheet)
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            lay(sheet, enlarged(image, scale), left + x * across, top + y * down)
        if names:
            draw.text((left - 2 * _GAP, top + y * down + high * scale / 2), names[y], MUTE, font, "rm")
        if len(marks):
            at = left + marks[y] * across + wide * scale / 2
            _mark(draw, at, top + y * down + high * scale + 2, (left, left + len(row) * across - _GAP))
    every = _every(heads, font, across)
    for x, head in enumerate(heads):
        if x % every == 0:
            draw.text((left + x * across + wide * scale / 2, top - _GAP), head, MUTE, font, "ms")
    draw.text((left, size[1] - _EDGE), foot, MUTE, font, "ls")
    return sheet


def _mark(draw: ImageDraw.ImageDraw, at: float, top: float, ends: tuple[float, float]) -> None:
    """A bar below a place of a row; a tip at the end of the row for a place that lies beyond it."""
    half = 7
    if ends[0] <= at <= ends[1]:
        draw.rectangle((at - half, top, at + half, top + _MARK - 3), fill=ACCENT)
        return
    end, way = (ends[0], -1) if at < ends[0] else (ends[1], 1)
    draw.polygon(((end, top), (end, top + _MARK), (end + way * half, top + _MARK / 2)), fill=ACCENT)


def board(images: Pixels, names: Sequence[str], *, room: Sequence[str] = ()) -> Image.Image:
    """(n, H, W, 1 or 3) uint8, each under its name: of the same size whatever is in the images, for a film; and of the same
    whatever the names are, where there is `room` for all of them."""
    count, (high, wide) = len(images), images.shape[1:3]
    font = ImageFont.load_default(_LETTERS)
    columns = square(count)
    scale = whole_scale(wide, high, columns, -(-count // columns))
    above = _LETTERS + 2 * _GAP
    across = max(wide * scale, round(max(font.getlength(name) for name in room or names))) + 2 * _GAP
    down = above + high * scale + 2 * _GAP
    sheet = Image.new("RGB", (2 * _EDGE + columns * across - 2 * _GAP, 2 * _EDGE + -(-count // columns) * down), GROUND)
    draw = ImageDraw.Draw(sheet)
    for number, (image, name) in enumerate(zip(images, names, strict=True)):
        left, top = _EDGE + number % columns * across, _EDGE + number // columns * down
        draw.text((left, top + _LETTERS), name, MUTE, font, "ls")
        lay(sheet, enlarged(image, scale), left, top + above)
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
