"""The formats that Pillow may open here; all others never: some start other programs, some take anything for their own."""

from __future__ import annotations

import io
from functools import lru_cache
from importlib import import_module
from pathlib import Path

from PIL import Image, UnidentifiedImageError

# Format -> Pillow's module for it, most likely first.
_USUAL = {"JPEG": "Jpeg", "PNG": "Png", "WEBP": "WebP", "GIF": "Gif", "BMP": "Bmp", "TIFF": "Tiff", "PPM": "Ppm"}
_RARE = {
    "AVIF": "Avif", "JPEG2000": "Jpeg2K", "MPO": "Mpo", "DIB": "Bmp", "ICO": "Ico", "CUR": "Cur", "ICNS": "Icns", "PSD": "Psd",
    "DDS": "Dds", "QOI": "Qoi", "SGI": "Sgi", "TGA": "Tga", "PCX": "Pcx",
}  # fmt: skip
_BY_EXTENSION = {**dict.fromkeys((".tga", ".icb", ".vda", ".vst"), "TGA"), ".pcx": "PCX"}
"""Formats without a mark of their own in a file: any text may look like one, so that the extension must give it."""


def open_image(file: Path | io.BytesIO, suffix: str) -> Image.Image:
    """The opened file by its content, whatever its extension is. Raises UnidentifiedImageError where it is none of
    these."""
    try:
        return Image.open(file, formats=_usual())
    except UnidentifiedImageError:
        own = _BY_EXTENSION.get(suffix.lower())
        return Image.open(file, formats=_rare() if own is None else (*_rare(), own))


@lru_cache(maxsize=1)
def _usual() -> tuple[str, ...]:
    return _loaded(_USUAL)


@lru_cache(maxsize=1)
def _rare() -> tuple[str, ...]:
    """The rest that this Pillow has; HEIC too, where pillow-heif is installed."""
    known = _loaded(_RARE)
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        heif: tuple[str, ...] = ()
    else:
        register_heif_opener()
        heif = ("HEIF",)
    return (*heif, *(name for name in known if name not in _BY_EXTENSION.values()))


def _loaded(modules: dict[str, str]) -> tuple[str, ...]:
    """Those of these formats that this Pillow has; only their modules are imported: all of them take a while."""
    for module in modules.values():
        try:
            import_module(f"PIL.{module}ImagePlugin")
        except ImportError:  # an older Pillow
            continue
    return tuple(name for name in modules if name in Image.OPEN)
