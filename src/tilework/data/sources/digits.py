"""`digits`: 1,797 real handwritten digits that come with scikit-learn, for a first run without any download."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from tilework.data.contract import Item, SourceConfig
from tilework.spec import ImageSize, Size

# Part of the fingerprint: raise it when the drawing changes.
_REVISION = 1

# Ink counts run from 0 to 16: the edge of a stroke, and how soft it is.
_HALF, _EDGE = 8.5, 1.5


class Config(SourceConfig):
    """scikit-learn's 8x8 digits as smooth strokes on black, with a margin as MNIST has it; labels 0 to 9."""

    # No digit of the set was scanned twice, and recorded results stand on this split.
    groups_suffice: ClassVar[bool] = True

    kind: Literal["digits"] = "digits"
    size: ImageSize = Field(default=Size(28, 28), description="pixels of every image, width x height")
    channels: Literal[1, 3] = Field(default=1, description="1 = grey, 3 = colour")

    def fingerprint(self) -> str:
        return f"{self.settings_text()} revision {_REVISION}"

    def expected(self) -> int:
        return 1797

    def items(self) -> Iterator[Item]:
        from sklearn.datasets import load_digits

        raw = load_digits()
        for number, (cells, label) in enumerate(zip(raw.images, raw.target, strict=True)):
            pixels = write_digit(np.asarray(cells, dtype=np.float32), self.size)
            yield Item(pixels=pixels, group=str(number), label=str(label), file="scikit-learn digits")


def write_digit(cells: NDArray[np.float32], size: Size) -> NDArray[np.uint8]:
    """8x8 ink counts (0..16) -> (H, W, 1) uint8 handwriting, the digit in the middle 22/28 of the shorter side.

    A cubic upsampling gives a smooth field of ink; a steep curve around half ink turns it back into strokes with an edge;
    the reduction to size anti-aliases that edge.
    """
    fine = 12
    padded = np.pad(cells, 3)
    ink = np.asarray(Image.fromarray(padded).resize((14 * fine, 14 * fine), Image.Resampling.BICUBIC))
    stroke = 1 / (1 + np.exp(-(ink - _HALF) / _EDGE))
    side = min(size)
    # 8 cells of 14 on 22/28 of the side: the image shows 8 x 28 / 22 cells.
    shown = 8 * 28 / 22 * fine
    half_w, half_h = shown / 2 * size.width / side, shown / 2 * size.height / side
    centre = 7 * fine
    canvas = Image.fromarray(stroke.astype(np.float32))
    fits = half_w <= centre and half_h <= centre
    if not fits:
        room = int(np.ceil(max(half_w, half_h))) - centre + 1
        canvas = Image.fromarray(np.pad(stroke.astype(np.float32), room, mode="edge"))
        centre += room
    box = (centre - half_w, centre - half_h, centre + half_w, centre + half_h)
    out = np.asarray(canvas.resize(size, Image.Resampling.BOX, box=box))
    empty = 1 / (1 + np.exp(_HALF / _EDGE))
    pixels: NDArray[np.uint8] = np.rint(np.clip((out - empty) / (1 - empty), 0, 1) * 255).astype(np.uint8)[:, :, None]
    return pixels
