"""The frames of a GIF, an animated PNG or an animated WebP, each as a viewer shows it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from tilework.data.animation.apng import apng_frames, is_apng, to_rgba
from tilework.data.animation.gif import gif_frames, is_gif
from tilework.data.media.images import MAX_PIXELS, Unreadable
from tilework.data.media.profile import to_srgb

SUFFIXES = frozenset({".gif", ".png", ".apng", ".webp"})

Frame = tuple[NDArray[np.uint8], float]
"""Pixels (H, W, 3) and the milliseconds that it is shown for."""


class Broken(Unreadable):
    """It cannot be read beyond some frame; what came before it is good."""


def animation_frames(path: Path, background: tuple[int, int, int]) -> Iterator[Frame]:
    """Every frame, whole and laid over `background`. Raises Unreadable, after the last good frame where one is broken."""
    number = 0
    try:
        if os.path.getsize(path) == 0:
            raise Unreadable("the file is empty")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for image, milliseconds in _composed(path):
                over = Image.new("RGBA", image.size, (*background, 255))
                yield np.asarray(Image.alpha_composite(over, image).convert("RGB")), milliseconds
                number += 1
    except Unreadable:
        raise
    except Image.DecompressionBombError:
        raise Unreadable(_too_large()) from None
    except UnidentifiedImageError:
        raise Unreadable("it is not an animation in a known format") from None
    except Exception as error:  # damaged files raise whatever their decoder meets: OSError, SyntaxError, EOFError, ...
        reason = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
        if number == 0:
            raise Unreadable(reason[:1].lower() + reason[1:]) from None
        raise Broken(f"frame {number:,} is broken ({reason[:1].lower() + reason[1:]})") from None


def _composed(path: Path) -> Iterator[tuple[Image.Image, float]]:
    """(RGBA image, milliseconds) of each frame."""
    if is_gif(path):
        yield from gif_frames(path)
        return
    if is_apng(path):
        yield from apng_frames(path)
        return
    with Image.open(path, formats=("PNG", "WEBP")) as image:
        if image.width * image.height > MAX_PIXELS:
            raise Unreadable(_too_large())
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            image.load()
            yield to_rgba(to_srgb(image)), float(image.info.get("duration", 0) or 0)


def _too_large() -> str:
    return f"it is larger than {MAX_PIXELS // 10**6} million pixels"
