"""A contact sheet of a data set: images spread over all of it, those that train above those that are held out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tilework.data.split.sides import Split
from tilework.data.store.frame_store import FrameStore

_WIDTH, _GAP, _LINE, _LETTERS = 1200, 4, 24, 14
_GROUND, _WORDS = (58, 62, 68), (232, 232, 232)
_TRAIN_ROWS, _HELD_OUT_ROWS = 6, 3


def contact_sheet(store: FrameStore, split: Split | None, title: str = "") -> Image.Image:
    """An RGB image; every image at a whole multiple of its size, or reduced where it is wider than the sheet.

    Without a split, all images are one block.
    """
    scale, columns = _layout(store.size.width)
    wide, high = (max(1, round(side * scale)) for side in store.size)
    blocks: list[tuple[str, NDArray[np.int64]]]
    if split is None:
        blocks = [(f"no split: {store.count:,} images", _spread(np.arange(store.count), columns * _TRAIN_ROWS))]
    else:
        blocks = [
            (f"training: {len(split.train):,} images", _spread(split.train, columns * _TRAIN_ROWS)),
            (f"held out by {split.by}: {len(split.validation):,}", _spread(split.validation, columns * _HELD_OUT_ROWS)),
        ]
    rows = [-(-len(indices) // columns) for _, indices in blocks]
    total = sum(rows) * (high + _GAP) + (len(blocks) + bool(title)) * _LINE + _GAP
    sheet = Image.new("RGB", (columns * (wide + _GAP) + _GAP, total), _GROUND)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(_LETTERS)
    top = _GAP
    if title:
        draw.text((_GAP, top), title, fill=_WORDS, font=font)
        top += _LINE
    for (words, indices), count in zip(blocks, rows, strict=True):
        draw.text((_GAP, top), words, fill=_WORDS, font=font)
        top += _LINE
        for place, pixels in enumerate(store.gather(indices)):
            row, column = divmod(place, columns)
            image = Image.fromarray(pixels[:, :, 0] if store.channels == 1 else pixels)
            if scale != 1:
                kind = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX
                image = image.resize((wide, high), kind)
            sheet.paste(image, (_GAP + column * (wide + _GAP), top + row * (high + _GAP)))
        top += count * (high + _GAP)
    return sheet


def _layout(width: int) -> tuple[float, int]:
    """Scale and columns: whole factors for small images, about 96 pixels or more each."""
    scale = float(np.clip(96 // width, 1, 8)) if width <= _WIDTH else _WIDTH / width
    return scale, max(1, int((_WIDTH + _GAP) // (width * scale + _GAP)))


def _spread(indices: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    chosen: NDArray[np.int64] = indices[
        np.linspace(0, len(indices) - 1, min(most, len(indices))).round().astype(np.int64)
    ]
    return chosen
