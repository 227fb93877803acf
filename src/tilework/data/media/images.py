"""Decoding one image file, whatever its format and colours, to uint8 grey or RGB."""

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

from tilework.data.media.deep import deep_colours, is_deep
from tilework.data.media.depth import Depth, TooDeep, is_inverted, white_of
from tilework.data.media.extensions import HEAD, format_of, irregular, why_not
from tilework.data.media.formats import open_image
from tilework.data.media.profile import to_srgb

# Far above any photograph, far below what a small malicious file can unpack to.
MAX_PIXELS = 100_000_000
MAX_BYTES = 2**30
"""A larger file is no image of that many pixels."""
WHOLE_BYTES = 2**28
"""The most that is read into memory at once: of formats whose decoders want that, and out of archives."""
_READ_WHOLE = frozenset({"WEBP", "AVIF", "HEIF"})
# What Pillow warns of is a reason to report here, or none. Once and for all threads: to set it for a while is not safe
# in them.
warnings.filterwarnings("ignore", module=r"PIL\.")
# Larger ones are decoded one at a time, so that several threads do not need the memory of several.
_LARGE, LARGE_BYTES = 8_000_000, 64 * 2**20
ONE_LARGE = threading.RLock()
_ANIMATED = frozenset({"GIF", "PNG", "WEBP", "AVIF"})
_ORIENTED = frozenset({"exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp"})
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}  # fmt: skip
_ORIENTATION = 0x0112


class Unreadable(Exception):
    """A file that is not a usable image; the message is the reason, for a person."""


def decode(
    path: Path,
    background: tuple[int, int, int] = (255, 255, 255),
    at_least: int | None = None,
    depth: Depth | None = None,
    note_kinds: list[str] | None = None,
) -> NDArray[np.uint8]:
    """The image in `path` -> (H, W, 1) for grey files, (H, W, 3) for all others, uint8.

    The first frame of an animation; turned upright by its EXIF orientation; colours in sRGB by the file's profile;
    transparency laid over `background`; values of more than 8 bits by `depth`. With `at_least`, a large JPEG may be decoded
    at 1/2, 1/4 or 1/8 of its size as long as both sides keep that many pixels. `note_kinds` is given the kind of note
    (`tilework.data.notes`) that a file with more in it deserves. Raises Unreadable with the reason.
    """
    with _reasons():
        about = os.stat(path)
        if problem := irregular(about.st_mode):
            raise Unreadable(problem)
        if about.st_size == 0:
            raise Unreadable("the file is empty")
        if about.st_size > MAX_BYTES:
            raise Unreadable(f"the file has {about.st_size / 2**30:.1f} GiB, more than {MAX_BYTES // 2**30}")
        if about.st_size > WHOLE_BYTES and (kind := format_of(_head(path))) in _READ_WHOLE:
            raise Unreadable(f"the file has {about.st_size / 2**20:,.0f} MiB, too many for {kind}")
        with ONE_LARGE if about.st_size > LARGE_BYTES else nullcontext():
            return _decoded(path, path.suffix, background, at_least, depth or Depth(), note_kinds)


def decode_bytes(
    packed: bytes,
    background: tuple[int, int, int] = (255, 255, 255),
    at_least: int | None = None,
    depth: Depth | None = None,
    suffix: str = "",
    note_kinds: list[str] | None = None,
) -> NDArray[np.uint8]:
    """As `decode`, of a file that is in memory; `suffix` is its extension, where it has one."""
    with _reasons():
        if not packed:
            raise Unreadable("it is empty")
        with ONE_LARGE if len(packed) > LARGE_BYTES else nullcontext():
            return _decoded(io.BytesIO(packed), suffix, background, at_least, depth or Depth(), note_kinds)


def _decoded(
    file: Path | io.BytesIO,
    suffix: str,
    background: tuple[int, int, int],
    at_least: int | None,
    depth: Depth,
    note_kinds: list[str] | None,
) -> NDArray[np.uint8]:
    try:
        opened = open_image(file, suffix)
    except UnidentifiedImageError:
        raise Unreadable(why_not(_head(file))) from None
    with opened as image:
        if image.width * image.height > MAX_PIXELS:
            raise Unreadable(f"{image.width}x{image.height} is more than {MAX_PIXELS // 10**6} million pixels")
        if at_least is not None and min(image.size) >= 2 * at_least:
            image.draft(None, (at_least, at_least))
        with ONE_LARGE if image.width * image.height > _LARGE else nullcontext():
            pixels = to_pixels(to_srgb(_upright(_in_8_bits(image, file, depth), image)), background)
            if note_kinds is not None and (more := _more_in_it(image)):
                note_kinds.append(more)
            return pixels


def _more_in_it(image: Image.Image) -> str:
    """The kind of note for what follows the image that was taken. The pixels must be out: asking moves on in the file."""
    try:
        if image.format in _ANIMATED:
            return "animated" if getattr(image, "is_animated", False) else ""
        return "pages" if image.format == "TIFF" and getattr(image, "n_frames", 1) > 1 else ""
    except Exception:  # it is damaged behind its first image, and nobody asked for more than that
        return ""


def _head(file: Path | io.BytesIO) -> bytes:
    if isinstance(file, io.BytesIO):
        return file.getvalue()[:HEAD]
    with open(file, "rb") as opened:
        return opened.read(HEAD)


def _in_8_bits(image: Image.Image, file: Path | io.BytesIO, depth: Depth) -> Image.Image:
    """The loaded image; where its values have more than 8 bits, another one with their levels and its profile."""
    maxval = _maxval(image)
    if is_deep(image):
        deep = deep_colours(image, file)
        if deep is not None:
            white = maxval if maxval is not None and maxval < 65535 else white_of(image, file, deep)
            levels = depth.levels(deep, white)
            out = Image.fromarray(levels, {2: "LA", 3: "RGB", 4: "RGBA"}[levels.shape[2]])
        elif depth.bits in {None, 16}:
            return image  # the upper 8 bits: off by one level at most
        else:
            raise Unreadable(f"its 16-bit colours cannot be read with data.depth={depth.bits}; save it as PNG")
    elif image.mode.startswith("I"):
        image.load()
        values = np.asarray(image)
        white = (
            65535 if maxval is not None and maxval < 65535 else white_of(image, file, values)
        )  # Pillow has scaled by it
        levels = depth.levels(values, white)
        out = Image.fromarray(255 - levels if is_inverted(image) else levels)
    else:
        return image
    if "icc_profile" in image.info:
        out.info["icc_profile"] = image.info["icc_profile"]
    return out


def _maxval(image: Image.Image) -> int | None:
    tiles = getattr(image, "tile", None)
    if image.format != "PPM" or not tiles or tiles[0][0] not in {"ppm", "ppm_plain"}:
        return None
    return int(tiles[0][3][1])


@contextmanager
def _reasons() -> Iterator[None]:
    """Whatever goes wrong within, as Unreadable."""
    try:
        yield
    except Unreadable:
        raise
    except Image.DecompressionBombError:
        raise Unreadable(f"it would unpack to more than {MAX_PIXELS // 10**6} million pixels") from None
    except TooDeep as error:
        raise Unreadable(str(error)) from None
    except OSError as error:
        raise Unreadable(_plain(error)) from None
    except Exception as error:  # damaged files raise whatever their decoder meets: SyntaxError, struct.error, ...
        raise Unreadable(f"it cannot be decoded ({_plain(error)})") from None


def _upright(image: Image.Image, of: Image.Image) -> Image.Image:
    """`image`, made from the opened file `of` or that itself, turned as the file states."""
    of.load()  # an orientation may stand behind the pixels
    if _ORIENTED.isdisjoint(of.info) and of.format != "TIFF":
        return image  # the question below costs as much as decoding a small image
    if image is of:
        return ImageOps.exif_transpose(image)
    turn = _TURNS.get(of.getexif().get(_ORIENTATION, 1))
    return image if turn is None else image.transpose(turn)


def _plain(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__


def to_pixels(image: Image.Image, background: tuple[int, int, int]) -> NDArray[np.uint8]:
    """A Pillow image of 8 bits or of floats -> (H, W, 1 | 3) uint8. Raises Unreadable for float pixels outside [0, 1]."""
    if image.mode == "F":
        return _from_floats(np.asarray(image))
    if image.mode in {"RGBA", "RGBa", "LA", "La", "PA"} or "transparency" in image.info:
        over = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", over.size, (*background, 255)), over).convert("RGB")
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode not in {"L", "RGB"}:  # palette, CMYK, YCbCr, HSV
        image = image.convert("RGB")
    pixels = np.asarray(image)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def _from_floats(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    real = values.astype(np.float64)
    if not (np.isfinite(real).all() and real.min() >= 0 and real.max() <= 1):
        raise Unreadable("its floating-point pixels are outside [0, 1]")
    return np.rint(real * 255).astype(np.uint8)[:, :, None]
