"""Colours with an ICC profile, as sRGB: the same numbers mean other colours in a wide-gamut photograph."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

_LARGEST = 16 * 2**20
_SAME_LEVELS = 2
"""A profile that moves no colour by more levels is sRGB by another name: most are."""
# Grey keeps its numbers: a grey profile is a printer's dot gain or nearly sRGB's own curve, and viewers leave it out too.
_SPACES = {"RGB": "RGB ", "CMYK": "CMYK", "LAB": "Lab "}


def to_srgb(image: Image.Image) -> Image.Image:
    """A loaded 8-bit image by its own profile in sRGB; the image itself where it has none, or one that cannot be used."""
    icc = image.info.get("icc_profile")
    if not icc and image.mode != "LAB":
        return image
    alpha = None
    if image.mode in {"RGBA", "RGBa", "LA", "La", "PA"} or "transparency" in image.info:
        image = image.convert("LA" if image.mode in {"LA", "La"} else "RGBA")
        alpha = image.getchannel("A")
    mode = {"P": "RGB", "PA": "RGB", "RGBA": "RGB", "RGBX": "RGB", "YCbCr": "RGB", "HSV": "RGB"}.get(
        image.mode, image.mode
    )
    transform = _transform(icc if isinstance(icc, bytes) else b"", mode) if mode in _SPACES else None
    if transform is None:
        return image
    colours = ImageCms.applyTransform(image if image.mode == mode else image.convert(mode), transform)
    if colours is None:
        return image
    if alpha is not None:
        colours.putalpha(alpha)
    return colours


@lru_cache(maxsize=16)
def _transform(icc: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From this profile to sRGB; None where it is damaged, of another kind than the image, or sRGB itself."""
    if len(icc) > _LARGEST:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc)) if icc else ImageCms.createProfile("LAB")
        space = profile.profile.xcolor_space if isinstance(profile, ImageCms.ImageCmsProfile) else profile.xcolor_space
        if space != _SPACES[mode]:
            return None
        # Without its memory of the last pixel, a transform may be used by several threads at once.
        transform = ImageCms.buildTransform(
            profile, ImageCms.createProfile("sRGB"), mode, "RGB", flags=ImageCms.Flags.NOCACHE
        )
        return None if mode == "RGB" and _moves_nothing(transform) else transform
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _moves_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    steps = np.linspace(0, 255, 18).round().astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(18, -1, 3)
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, -1)
    for sample in (grid, ramp):
        out = ImageCms.applyTransform(Image.fromarray(np.ascontiguousarray(sample)), transform)
        if out is None or np.abs(np.asarray(out).astype(int) - sample).max() > _SAME_LEVELS:
            return False
    return True
