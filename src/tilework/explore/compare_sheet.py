"""A comparison of models as one image: a row for each, with errors, differences and the settings that are not the same."""

from __future__ import annotations

from PIL import Image, ImageDraw

from tilework.explore.canvas import GAP, Block, Sheet, factor_for, font, heat, wide
from tilework.explore.compared import Compared, Seen, numbers, text_of
from tilework.explore.paper import GROUND, MUTE, TEXT
from tilework.explore.sheet import enlarged

LEAST = 192
FULL = 0.5
"""Absolute error, on [0, 1], that is drawn in the brightest colour."""
_LONGEST = 36


def compare_sheet(found: Compared) -> Image.Image:
    """A row for each model: what was measured, its image, its error, how it differs from the first; then the settings."""
    height, width = found.models[0].image.shape[:2]
    factor = max(factor_for(width, LEAST), factor_for(height, LEAST))
    first = found.models[0].name
    across = max(200, *(wide(_cut(seen.name), 14) + GAP for seen in found.models))
    sheet = Sheet(found.title(), (f"error and difference: absolute, the mean over colours; white from {FULL} on",))
    for number, seen in enumerate(found.models):
        columns = [
            ("image", found.original),
            ("reconstruction" if found.original is not None else "decoded", seen.image),
        ]
        error = found.error(number)
        if error is not None:
            columns.append(("error", heat(error, FULL)))
        row = [Block(_words(seen, across, height * factor), " " if number == 0 else "", framed=False)]
        row += [
            Block(enlarged(pixels, factor), name if number == 0 else "")
            for name, pixels in columns
            if pixels is not None
        ]
        if number == 0:  # it differs in nothing from itself: the heading alone
            row.append(
                Block(
                    Image.new("RGB", (width * factor, height * factor), GROUND),
                    f"difference from {_cut(first)}",
                    framed=False,
                )
            )
        else:
            row.append(Block(enlarged(heat(found.between(0, number), FULL), factor)))
        sheet.rows.append(row)
    if found.settings:
        sheet.table.append(("settings that differ", *(_cut(seen.name) for seen in found.models)))
        sheet.table += [(name, *(_cut(text_of(value)) for value in values)) for name, values in found.settings.items()]
    return sheet.draw()


def _words(seen: Seen, width: int, height: int) -> Image.Image:
    """The name of a model and what was measured of it, one below the other."""
    lines = list(numbers(seen).items())
    image = Image.new("RGB", (width, max(height, 26 + 19 * len(lines))), GROUND)
    pen = ImageDraw.Draw(image)
    pen.text((0, 0), _cut(seen.name), fill=TEXT, font=font(14))
    for number, (name, value) in enumerate(lines):
        pen.text((0, 26 + 19 * number), name, fill=MUTE, font=font(13))
        pen.text((86, 26 + 19 * number), value, fill=TEXT, font=font(13))
    return image


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
