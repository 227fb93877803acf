"""Originals over reconstructions, pixel for pixel: enlarged by whole numbers, never smoothed, never stretched in value."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Images = NDArray[np.uint8]

FULL_ERROR = 0.5
"""Absolute error, on [0, 1], that is drawn in full colour."""
_RED = (229, 96, 77)
_GAP = 4
_LETTERS = 13
_WORDS = (128, 128, 128, 255)
"""Grey that can be read on white and on black: the sheet's gaps are transparent."""


def contact_sheet(
    originals: Images,
    reconstructions: Images,
    *,
    columns: int | None = None,
    scale: int | None = None,
    errors: bool = False,
    width: int = 1120,
) -> Image.Image:
    """Pairs of rows, originals above reconstructions: (n, H, W, C) uint8 each, C 1 or 3 -> an RGBA image, gaps transparent.

    `scale` is how many screen pixels a image's pixel has, a whole number; by default the largest that keeps `columns` within
    `width` (by default 8, or 16 of small images). With `errors` a third row shows |original - reconstruction|, the mean over
    colours: nothing for 0, full red from 0.5 on.
    """
    rows = [as_rgb(originals), as_rgb(reconstructions)]
    if rows[0].shape != rows[1].shape:
        raise ValueError(f"originals {rows[0].shape} and reconstructions {rows[1].shape} differ in shape")
    rows = [_opaque(r) for r in rows]
    if errors:
        rows.append(_error(originals, reconstructions))
    count, _, wide, _ = rows[0].shape
    columns = columns or min(count, 16 if 16 * (wide + _GAP) <= width else 8) or 1
    scale = scale or whole_scale(wide, columns, width)
    bands: list[NDArray[np.uint8]] = []
    for start in range(0, max(count, 1), columns):
        if bands:
            bands.append(_space(3 * _GAP, bands[0].shape[1]))
        for number, row in enumerate(rows):
            if number:
                bands.append(_space(_GAP, bands[0].shape[1]))
            bands.append(_side_by_side(row[start : start + columns], columns, scale))
    return Image.fromarray(np.concatenate(bands))


def name_rows(sheet: Image.Image, high: int, names: tuple[str, ...] = ("original", "reconstruction")) -> Image.Image:
    """A contact sheet with its rows named at the left; `high` is the height of a row in pixels. The images stay as they are."""
    font = ImageFont.load_default(_LETTERS)
    margin = round(max(font.getlength(name) for name in names)) + 2 * _GAP
    named = Image.new("RGBA", (sheet.width + margin, sheet.height))
    named.paste(sheet, (margin, 0))
    draw = ImageDraw.Draw(named)
    block = len(names) * (high + _GAP) + 2 * _GAP
    for start in range(0, sheet.height, block):
        for number, name in enumerate(names):
            middle = start + number * (high + _GAP) + high / 2
            draw.text((margin - 2 * _GAP, middle), name, fill=_WORDS, font=font, anchor="rm")
    return named


def strip(images: Images, *, columns: int | None = None, scale: int | None = None, width: int = 1120) -> Image.Image:
    """The first `columns` of the images (n, H, W, C) uint8 in one row, as in `contact_sheet`."""
    rgb = _opaque(as_rgb(images))
    columns = columns or max(1, min(len(rgb), (width + _GAP) // (rgb.shape[2] + _GAP)))
    return Image.fromarray(_side_by_side(rgb[:columns], columns, scale or whole_scale(rgb.shape[2], columns, width)))


def samples_sheet(samples: NDArray[np.uint8], *, width: int = 1120, cut: bool = False) -> Image.Image:
    """Samples (n, T, H, W, C) uint8: images (T = 1) in rows beside each other, clips a row each, as in `contact_sheet`. A clip
    that is wider than `width` goes on in the next row, or is `cut` off."""
    rows = samples[:, 0][None] if samples.shape[1] == 1 else samples
    wide = samples.shape[3]
    most = max(1, (width + _GAP) // (wide + _GAP))
    columns = min(most, rows.shape[1], 8 if samples.shape[1] == 1 and rows.shape[1] > 8 else rows.shape[1])
    scale = whole_scale(wide, columns, width)
    bands: list[NDArray[np.uint8]] = []
    for number, row in enumerate(rows):
        images = _opaque(as_rgb(row))
        for start in range(0, columns if cut else len(row), columns):
            line = _side_by_side(images[start : start + columns], columns, scale)
            if bands:
                bands.append(_space(_GAP if start else 2 * _GAP * bool(number), line.shape[1]))
            bands.append(line)
    return Image.fromarray(np.concatenate(bands))


def whole_scale(wide: int, columns: int, width: int) -> int:
    """The largest whole factor by which `columns` images `wide` pixels across still fit `width`; at least 1, at most 8."""
    return int(np.clip((width - _GAP * (columns - 1)) // (columns * wide), 1, 8))


def as_rgb(images: Images) -> Images:
    """(n, H, W, 1 or 3) uint8 -> (n, H, W, 3)."""
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise ValueError(f"images are uint8 (n, H, W, 1 or 3), not {images.dtype} {images.shape}")
    return np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images


def _opaque(rgb: Images) -> Images:
    return np.concatenate([rgb, np.full((*rgb.shape[:-1], 1), 255, np.uint8)], axis=-1)


def _error(originals: Images, reconstructions: Images) -> Images:
    size = np.abs(originals.astype(np.float32) - reconstructions).mean(-1, keepdims=True) / 255
    alpha = (np.clip(size / FULL_ERROR, 0, 1) * 255).round().astype(np.uint8)
    red = np.broadcast_to(np.array(_RED, np.uint8), (*alpha.shape[:-1], 3))
    return np.concatenate([red, alpha], axis=-1)


def _side_by_side(rgba: Images, columns: int, scale: int) -> NDArray[np.uint8]:
    high, wide = rgba.shape[1] * scale, rgba.shape[2] * scale
    row = _space(high, columns * wide + (columns - 1) * _GAP)
    for number, image in enumerate(rgba):
        left = number * (wide + _GAP)
        row[:, left : left + wide] = image.repeat(scale, axis=0).repeat(scale, axis=1)
    return row


def _space(high: int, wide: int) -> NDArray[np.uint8]:
    return np.zeros((high, wide, 4), np.uint8)
