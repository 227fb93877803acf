"""A code atlas as one image: every code's tile with its number, how often it is used, and a cross where it is not."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from tilework.explore.atlas import Atlas, ordered
from tilework.explore.canvas import ACCENT, BAD, GAP, GROUND, MUTE, RAISED, TEXT, as_image, font, wide
from tilework.explore.code_vectors import Sort
from tilework.explore.opened import Opened

_LEAST_TILE, _MANY = 40, 1024
_SMALL = 11
_BAR = 3
WORDS: dict[Sort, str] = {
    "usage": "most used first",
    "index": "in the order of their numbers",
    "similarity": "each beside the nearest that is left",
}


def facts(found: Atlas) -> str:
    """`412 of 512 codes used · N 128,000 tokens of 2,000 train images · N/K 250`."""
    if found.among is None:
        return f"{found.grid.size:,} codes · not counted: the images are not there"
    spread = "" if len(found.among.numbers) == found.among.images else f" of {found.among.images:,}"
    return (
        f"{found.used:,} of {found.grid.size:,} codes used · N {found.tokens:,} tokens of "
        f"{len(found.among.numbers):,}{spread} {found.among.side} images · N/K {found.tokens / found.grid.size:,.1f}"
    )


def atlas_sheet(opened: Opened, found: Atlas, by: Sort = "usage") -> Image.Image:
    """Every code in one of three orders, an RGB image. The bar below a tile is how often its code is used, on a log scale."""
    order = ordered(opened, found, by)
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
    inner = max(columns * cell, wide(facts(found), 13), 420)
    sheet = Image.new("RGB", (inner + 2 * GAP, head + rows * line + 2 * GAP), GROUND)
    pen = ImageDraw.Draw(sheet)
    level = f", level {found.level} of {found.grid.levels}" if found.grid.levels > 1 else ""
    pen.text((GAP, GAP), f"{opened.name}{level} · codes, {WORDS[by]}", fill=TEXT, font=font(18))
    pen.text((GAP, GAP + 27), facts(found), fill=MUTE, font=font(13))
    most = 0 if found.counts is None else int(found.counts.max())
    for place, code in enumerate(order):
        row, column = divmod(place, columns)
        left, top = GAP + column * cell, GAP + head + row * line
        sheet.paste(as_image(found.tiles[code], factor), (left, top))
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
