"""A result as one HTML page that stands alone: no server, no network, no script."""

from __future__ import annotations

import base64
import io
from html import escape
from importlib import resources

from PIL import Image

from tilework.explore.sheet import Pixels, enlarged

# The policy is the proof that nothing is fetched and nothing runs: only what is embedded, and this style.
_POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"


def page(title: str, body: str, note: str, *, facts: str = "", style: str = "") -> str:
    """A whole page of `body`, sections of HTML that may hold images and films; title, facts and note are text.

    `style` is added to the style that all pages share.
    """
    shared = (resources.files("tilework.explore") / "page.css").read_text(encoding="utf-8")
    below = f"<p>{escape(facts)}</p>" if facts else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{escape(title)} · tilework</title>
<style>
{shared}{style}</style>
</head>
<body>
<header><h1>{escape(title)}</h1>{below}</header>
<main>
{body}
</main>
<footer>{escape(note)}</footer>
</body>
</html>
"""


def image_tag(pixels: Pixels, factor: int, alt: str) -> str:
    """The HTML of an image (H, W, C) uint8 whose pixels are squares of `factor`."""
    height, width = pixels.shape[:2]
    size = f'width="{width * factor}" height="{height * factor}"'
    return f'<img src="{address(packed(enlarged(pixels, 1)))}" {size} alt="{escape(alt)}">'


def packed(image: Image.Image) -> bytes:
    """An image as PNG."""
    out = io.BytesIO()
    image.save(out, format="PNG", optimize=True)
    return out.getvalue()


def address(data: bytes, kind: str = "image/png") -> str:
    """The bytes of an image, or of another kind, as an address that holds them."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
