"""The formats that Pillow may open here; all others never: some start other programs, some take anything for their own."""

from __future__ import annotations

from functools import lru_cache

from PIL import Image

_USUAL = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
_RARE = ("AVIF", "JPEG2000", "MPO", "DIB", "ICO", "CUR", "ICNS", "PSD", "DDS", "QOI", "SGI")
_BY_ENDING = {
    **dict.fromkeys((".tga", ".icb", ".vda", ".vst"), "TGA"),
    ".pcx": "PCX",
}
"""Formats without a mark of their own in a file: any text may look like one, so that the ending must say it."""


def formats_for(suffix: str) -> tuple[str, ...]:
    """What a file with this ending may be, whatever the ending says otherwise: most likely first."""
    own = _BY_ENDING.get(suffix.lower())
    return _known() if own is None else (*_known(), own)


@lru_cache(maxsize=1)
def _known() -> tuple[str, ...]:
    """The formats that this Pillow has; HEIC too, where pillow-heif is installed."""
    Image.preinit()
    Image.init()
    heif: tuple[str, ...] = ()
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        pass
    else:
        register_heif_opener()
        heif = ("HEIF",)
    return tuple(name for name in (*_USUAL, *heif, *_RARE) if name in Image.OPEN)
