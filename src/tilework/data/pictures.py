"""Decoding one picture file, whatever its format and colours, to uint8 grey or RGB."""

from __future__ import annotations

import io
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

# Far above any photograph, far below what a small malicious file can unpack to.
MAX_PIXELS = 100_000_000
# What Pillow warns of is a reason to tell here, or none. Once and for all threads: to set it for a while is not safe in them.
warnings.filterwarnings("ignore", module=r"PIL\.")
# Larger ones are decoded one at a time, so that several threads do not need the memory of several.
_LARGE = 8_000_000
_ONE_LARGE = threading.Lock()
_ORIENTED = frozenset({"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"})


class Unreadable(Exception):
    """A file that is not a usable picture; the message is the reason, for a person."""


def decode(
    path: Path, background: tuple[int, int, int] = (255, 255, 255), at_least: int | None = None
) -> NDArray[np.uint8]:
    """The picture in `path` -> (H, W, 1) for grey files, (H, W, 3) for all others, uint8.

    The first frame of an animation; turned upright by its EXIF orientation; transparency laid over `background`; 16-bit
    values divided by 257. With `at_least`, a large JPEG may be decoded at 1/2, 1/4 or 1/8 of its size as long as both
    sides keep that many pixels. Raises Unreadable with the reason.
    """
    with _reasons():
        if os.path.getsize(path) == 0:
            raise Unreadable("the file is empty")
        return _decoded(path, background, at_least)


def decode_bytes(
    packed: bytes, background: tuple[int, int, int] = (255, 255, 255), at_least: int | None = None
) -> NDArray[np.uint8]:
    """As `decode`, of a file that is in memory."""
    with _reasons():
        if not packed:
            raise Unreadable("it is empty")
        return _decoded(io.BytesIO(packed), background, at_least)


def _decoded(file: Path | io.BytesIO, background: tuple[int, int, int], at_least: int | None) -> NDArray[np.uint8]:
    with Image.open(file) as image:
        if image.width * image.height > MAX_PIXELS:
            raise Unreadable(f"{image.width}x{image.height} is more than {MAX_PIXELS // 10**6} million pixels")
        if at_least is not None and min(image.size) >= 2 * at_least:
            image.draft(None, (at_least, at_least))
        with _ONE_LARGE if image.width * image.height > _LARGE else nullcontext():
            return to_pixels(_upright(image), background)


@contextmanager
def _reasons() -> Iterator[None]:
    """Whatever goes wrong within, as Unreadable."""
    try:
        yield
    except Unreadable:
        raise
    except Image.DecompressionBombError:
        raise Unreadable(f"it would unpack to more than {MAX_PIXELS // 10**6} million pixels") from None
    except UnidentifiedImageError:
        raise Unreadable("it is not a picture in a known format") from None
    except OSError as error:
        raise Unreadable(_plain(error)) from None
    except Exception as error:  # damaged files raise whatever their decoder meets: SyntaxError, struct.error, ...
        raise Unreadable(f"it cannot be decoded ({_plain(error)})") from None


def _upright(image: Image.Image) -> Image.Image:
    image.load()  # an orientation may stand behind the pixels
    if _ORIENTED.isdisjoint(image.info) and image.format != "TIFF":
        return image  # the question below costs as much as decoding a small picture
    return ImageOps.exif_transpose(image)


def _plain(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__


def to_pixels(image: Image.Image, background: tuple[int, int, int]) -> NDArray[np.uint8]:
    """A Pillow image of any mode -> (H, W, 1 | 3) uint8. Raises Unreadable for float pixels outside [0, 1]."""
    if image.mode.startswith("I"):
        return _from_integers(np.asarray(image))
    if image.mode == "F":
        return _from_floats(np.asarray(image))
    if image.mode in {"RGBA", "RGBa", "LA", "La", "PA"} or "transparency" in image.info:
        over = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", over.size, (*background, 255)), over).convert("RGB")
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode not in {"L", "RGB"}:  # palette, CMYK, YCbCr, LAB, HSV
        image = image.convert("RGB")
    pixels = np.asarray(image)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def _from_integers(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    wide = values.astype(np.int64)
    if wide.min() < 0 or wide.max() > 65535:
        raise Unreadable("its integer pixels are outside 0..65535")
    # 257 takes 65535 to 255 exactly; + 128 rounds to the nearest.
    return ((wide + 128) // 257).astype(np.uint8)[:, :, None]


def _from_floats(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    real = values.astype(np.float64)
    if not (np.isfinite(real).all() and real.min() >= 0 and real.max() <= 1):
        raise Unreadable("its floating-point pixels are outside [0, 1]")
    return np.rint(real * 255).astype(np.uint8)[:, :, None]
