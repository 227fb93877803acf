"""One HTML page that stands alone: no server, no network, no script."""

from __future__ import annotations

import base64
import io
from html import escape
from importlib import resources

from PIL import Image

from tilework.explore.opened import Pixels
from tilework.explore.page import document
from tilework.explore.sheet import enlarged


def page(title: str, facts: str, body: str, note: str, style: str = "") -> str:
    """A page of `body` (HTML); title, facts and note are text."""
    css = (resources.files("tilework.explore") / "page.css").read_text(encoding="utf-8")
    content = f"""<header><h1>{escape(title)}</h1><p>{escape(facts)}</p></header>
<main>
{body}
</main>
<footer>{escape(note)}</footer>"""
    return document(title, css + style, content)


def image_tag(pixels: Pixels, factor: int, alt: str) -> str:
    """The HTML of an image (H, W, C) uint8 whose pixels are squares of `factor`."""
    height, width = pixels.shape[:2]
    size = f'width="{width * factor}" height="{height * factor}"'
    return f'<img src="{source(enlarged(pixels, 1))}" {size} alt="{escape(alt)}">'


def source(image: Image.Image) -> str:
    """An image as an address that holds it."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
