"""A code atlas as one image: every code's tile with its number, how often it is used, and a cross where it is not."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from tilework.explore.canvas import GAP, font, wide
from tilework.explore.code_atlas import CodeTable
from tilework.explore.paper import ACCENT, BAD, GROUND, MUTE, RAISED, TEXT, lay
from tilework.explore.sheet import enlarged

_LEAST_TILE, _MANY = 40, 1024
_SMALL = 11
_BAR = 3


def atlas_sheet(found: CodeTable) -> Image.Image:
    """Every code in the order of the atlas, an RGB image. The bar below a tile is how often its code is used, on a log scale."""
    order = found.order
    facts = " · ".join(f"{name} {value}" for name, value in found.facts())
    many = len(order) > _MANY
    tall, across = found.size.shape
    factor = max(1, -(-(_LEAST_TILE if many else 56) // max(tall, across)))
    width, height = across * factor, tall * factor
    below = _BAR + 3 + (0 if many else 15)
    gap = 6 if many else 10
    cell = max(width, 0 if many else wide(f"{found.grid.size - 1} {'0' * 6}", _SMALL)) + gap
    line = height + below + gap
    columns = int(np.clip(round((len(order) * line / cell) ** 0.5 * 1.2), 1, len(order)))
    rows = -(-len(order) // columns)
    head = 58
    inner = max(columns * cell, wide(facts, 13), wide(found.title(), 18), 420)
    sheet = Image.new("RGB", (inner + 2 * GAP, head + rows * line + 2 * GAP), GROUND)
    pen = ImageDraw.Draw(sheet)
    pen.text((GAP, GAP), found.title(), fill=TEXT, font=font(18))
    pen.text((GAP, GAP + 27), facts, fill=MUTE, font=font(13))
    most = 0 if found.counts is None else int(found.counts.max())
    tiles = found.painted.of(order)
    for place, code in enumerate(order):
        row, column = divmod(place, columns)
        left, top = GAP + column * cell, GAP + head + row * line
        lay(sheet, enlarged(tiles[place], factor), left, top)
        count = None if found.counts is None else int(found.counts[code])
        if count == 0:
            _cross(pen, left, top, width, height)
        _bar(pen, left, top + height + 2, width, count, most)
        if not many:
            pen.text((left, top + height + below - 12), f"{code}", fill=TEXT, font=font(_SMALL))
            right = left + max(width, cell - gap)
            words = "" if count is None else f"{count:,}" if count < 10_000 else f"{count / 1000:,.0f}k"
            pen.text((right, top + height + below - 12), words, fill=MUTE, font=font(_SMALL), anchor="ra")
    return sheet


def _bar(pen: ImageDraw.ImageDraw, left: int, top: int, width: int, count: int | None, most: int) -> None:
    pen.rectangle((left, top, left + width - 1, top + _BAR - 1), fill=RAISED)
    if count:
        share = np.log1p(count) / np.log1p(most)
        pen.rectangle((left, top, left + max(1, round(width * share)) - 1, top + _BAR - 1), fill=ACCENT)


def _cross(pen: ImageDraw.ImageDraw, left: int, top: int, width: int, height: int) -> None:
    """Bottom right, small: what the code would paint can still be seen."""
    size = max(8, min(width, height) // 4)
    right, bottom = left + width - 2, top + height - 2
    pen.rectangle((right - size - 1, bottom - size - 1, right + 1, bottom + 1), fill=GROUND)
    pen.line((right - size + 2, bottom - size + 2, right - 2, bottom - 2), fill=BAD, width=2)
    pen.line((right - size + 2, bottom - 2, right - 2, bottom - size + 2), fill=BAD, width=2)
