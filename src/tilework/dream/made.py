"""A dream: what was drawn, how, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from tilework.dream import words
from tilework.dream.how import Dream
from tilework.explore.cloud import spread
from tilework.explore.film import Film
from tilework.explore.opened import Pixels
from tilework.explore.sheet import enlarged, grid, table
from tilework.explore.shown import Shown

ON_STRIP = 12


@dataclass(frozen=True, eq=False)
class Dreamed(Dream, Shown):
    """A dream that draws itself."""

    def film(self) -> Film | None:
        """All items side by side."""
        return Film(mosaic(self.images), self.how.fps) if self.moves else None

    def sheet(self) -> Image.Image:
        """The images in rows, or of clips a strip of frames each; below it what is known of its novelty."""
        if self.moves:
            chosen = spread(self.images.shape[1], ON_STRIP)
            rows = [item[chosen] for item in self.images]
            drawn = table(rows, heads=[str(number) for number in chosen])
        elif self.before is not None:
            drawn = table([self.before[:, 0], self.images[:, 0]], names=("before", "repainted"))
        else:
            drawn = grid(self.images[:, 0])
        return captioned(drawn, words.verdicts(self))

    def title(self) -> str:
        return words.title(self)

    def facts(self) -> tuple[tuple[str, str], ...]:
        return words.facts(self)

    def frames(self) -> list[Image.Image]:
        """Each frame of the film (or each image) as one RGB image in its own size."""
        return [enlarged(frame, 1) for frame in (mosaic(self.images) if self.moves else self.images[:, 0])]


def mosaic(images: Pixels) -> Pixels:
    """Clips (n, T, H, W, C) side by side, as wide as high where there are several: (T, rows x H, columns x W, C)."""
    count = len(images)
    if count == 1:
        alone: Pixels = images[0]
        return alone
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    empty = np.zeros((rows * columns - count, *images.shape[1:]), np.uint8)
    whole = np.concatenate([images, empty]).reshape(rows, columns, *images.shape[1:])
    t, h, w, c = images.shape[1:]
    found: Pixels = np.ascontiguousarray(whole.transpose(2, 0, 3, 1, 4, 5)).reshape(t, rows * h, columns * w, c)
    return found


def captioned(sheet: Image.Image, lines: list[str]) -> Image.Image:
    """A sheet with lines of text below it, wrapped to its width."""
    from PIL import ImageDraw, ImageFont

    if not lines:
        return sheet
    font, high, wide = ImageFont.load_default(13), 19, max(sheet.width, 360)
    wrapped = [part for line in lines for part in _wrapped(line, font, wide - 8)]
    whole = Image.new("RGBA", (wide, sheet.height + 8 + high * len(wrapped)))
    whole.paste(sheet, (0, 0))
    pen = ImageDraw.Draw(whole)
    for number, line in enumerate(wrapped):
        pen.text((4, sheet.height + 8 + high * number), line, (128, 128, 128, 255), font)
    return whole


def _wrapped(line: str, font: object, wide: int) -> list[str]:
    found = [""]
    for word in line.split():
        longer = f"{found[-1]} {word}".strip()
        if found[-1] and font.getlength(longer) > wide:  # type: ignore[attr-defined]
            found.append(word)
        else:
            found[-1] = longer
    return found
