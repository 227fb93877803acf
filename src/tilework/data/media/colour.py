"""Colours as a person writes them."""

from __future__ import annotations

from typing import Annotated

from PIL import ImageColor
from pydantic import AfterValidator

from tilework.errors import Refused


def _colour(text: str) -> str:
    try:
        ImageColor.getrgb(text)
    except ValueError:
        raise Refused(f"'{text}' is not a colour", fix="write a name such as white, or #rrggbb") from None
    return text


Colour = Annotated[str, AfterValidator(_colour)]
"""A name such as `white`, or `#rrggbb`."""


def rgb(colour: str) -> tuple[int, int, int]:
    """Its red, green and blue, 0 to 255."""
    red, green, blue = ImageColor.getrgb(colour)[:3]
    return (red, green, blue)
