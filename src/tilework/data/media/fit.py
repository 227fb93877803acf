"""Bringing an image of any shape to the size and the colours of a frame store."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tilework.errors import UserError
from tilework.spec import Size

Fit = Literal["crop", "pad", "stretch", "refuse"]

# Bicubic with Pillow's area-scaled support: no aliasing when reducing, and far less ringing than Lanczos on flat artwork.
RESAMPLE = Image.Resampling.BICUBIC


def recolour(pixels: NDArray[np.uint8], channels: Literal[1, 3]) -> NDArray[np.uint8]:
    """(H, W, 1 | 3) -> (H, W, channels); colour to grey is Rec. 601 luma (0.299 R + 0.587 G + 0.114 B)."""
    if pixels.shape[2] == channels:
        return pixels
    if channels == 3:
        return np.repeat(pixels, 3, axis=2)
    return np.asarray(Image.fromarray(pixels).convert("L"))[:, :, None]


def fit_image(
    pixels: NDArray[np.uint8],
    size: Size,
    channels: Literal[1, 3],
    fit: Fit = "crop",
    *,
    padding: tuple[int, int, int] = (0, 0, 0),
    name: str = "",
) -> NDArray[np.uint8]:
    """One image (H, W, 1 | 3) uint8 -> (size.height, size.width, channels) uint8, contiguous.

    `crop` fills the size and cuts what sticks out evenly, `pad` shows all of the image on a border of colour `padding`,
    `stretch` changes its proportions, and `refuse` raises a UserError that names the image (`name`) where the size
    differs.
    """
    height, width = pixels.shape[:2]
    if (width, height) == size:
        return np.ascontiguousarray(recolour(pixels, channels))
    if fit == "refuse":
        raise UserError(
            f"{name or 'an image'} is {width}x{height}, not {size}",
            why="data.fit is 'refuse', so every image must already have data.size",
            fix="write data.fit=crop (or pad, or stretch) to resize",
        )
    # Colour is decided after resizing: the luma of a mean is the mean of the lumas, and pad needs the border's colour.
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    if fit == "stretch":
        image = image.resize(size, RESAMPLE)
    elif fit == "crop":
        image = image.resize(size, RESAMPLE, box=_centre_box(width, height, size))
    else:
        image = _padded(image, size, padding)
    out = np.asarray(image)
    return np.ascontiguousarray(recolour(out[:, :, None] if out.ndim == 2 else out, channels))


def _centre_box(width: int, height: int, size: Size) -> tuple[float, float, float, float]:
    """The largest centred part of a width x height image that has the proportions of `size`."""
    scale = min(width / size.width, height / size.height)
    part_w, part_h = min(width, size.width * scale), min(height, size.height * scale)
    left, top = (width - part_w) / 2, (height - part_h) / 2
    return (left, top, left + part_w, top + part_h)


def _padded(image: Image.Image, size: Size, padding: tuple[int, int, int]) -> Image.Image:
    scale = min(size.width / image.width, size.height / image.height)
    inner = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    if image.mode == "L" and len(set(padding)) > 1:
        image = image.convert("RGB")
    border = Image.new(image.mode, size, padding if image.mode == "RGB" else padding[0])
    border.paste(image.resize(inner, RESAMPLE), ((size.width - inner[0]) // 2, (size.height - inner[1]) // 2))
    return border
