"""An image from anywhere, brought to the size and the colours of a model as training would."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path

from tilework.data.media.colour import rgb
from tilework.data.media.depth import Depth
from tilework.data.media.fit import fit_image
from tilework.data.media.formats import open_image
from tilework.data.media.images import Unreadable, decode, decode_bytes
from tilework.engine.autoencoder.model import source_of
from tilework.errors import UserError
from tilework.explore.opened import Opened, Pixels


@dataclass(frozen=True)
class OwnImage:
    """An image as a model takes it: `pixels` (H, W, C) uint8, and what of the file is not in them."""

    pixels: Pixels
    size: tuple[int, int]
    """Width and height as the file has it."""
    animated: bool
    """Only its first frame was taken."""
    cropped: bool
    """Its edges were cut off for the proportions of the model."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person may want to know of it, in words."""
        wide, high = self.size
        height, width = self.pixels.shape[:2]
        cut = [f"{wide}x{high} was cut to the proportions of {width}x{height}, from its middle"] * self.cropped
        return ("it moves: its first frame was taken", *cut) if self.animated else tuple(cut)


def read(image: Path | str | bytes, opened: Opened) -> OwnImage:
    """An image file, or the bytes of one, at the size of `opened`'s model: upright, in sRGB, over the background of the data set,
    of more than 8 bits by the data set's depth, and fitted as the data set is (cropped where that refuses other sizes).

    Raises UserError for what is no image, damaged, or of more than 100 million pixels.
    """
    source = source_of(opened.model.spec)
    background = rgb(getattr(source, "background", "white"))
    depth = Depth(getattr(source, "depth", None))
    name = "the image" if isinstance(image, bytes) else str(image)
    content = io.BytesIO(image) if isinstance(image, bytes) else Path(image).expanduser()
    fit = "crop" if source.fit == "refuse" else source.fit
    at_least = 2 * max(source.size)
    try:
        if isinstance(content, Path):
            found = decode(content, background, at_least, depth)
        else:
            found = decode_bytes(content.getvalue(), background, at_least, depth)
    except Unreadable as reason:
        raise UserError(
            f"{name} cannot be read as an image",
            why=str(reason),
            fix="give an image file: PNG, JPEG, WebP, TIFF, GIF, BMP, PNM and others",
        ) from None
    pixels = fit_image(found, source.size, source.channels, fit, padding=source.padding(), name=name)
    if not pixels.flags.writeable:  # Pillow's own memory, which torch does not take quietly
        pixels = pixels.copy()
    height, width = found.shape[:2]
    wide, high = source.size
    cropped = fit == "crop" and abs(width * high - height * wide) > max(wide, high)
    return OwnImage(pixels, *_about(content, (width, height)), cropped)


def _about(content: Path | io.BytesIO, size: tuple[int, int]) -> tuple[tuple[int, int], bool]:
    """The size in the file, turned as the decoded one is, and whether it moves."""
    suffix = content.suffix if isinstance(content, Path) else ""
    # It was decoded: what cannot be found out of it in addition is left out.
    with contextlib.suppress(Exception), open_image(content, suffix) as image:
        own = image.size if (image.width >= image.height) == (size[0] >= size[1]) else image.size[::-1]
        return own, bool(getattr(image, "is_animated", False))
    return size, False
