"""SVG as text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

COLOURS = {
    "image": "var(--image, #717581)",
    "encoder": "var(--encoder, #3f90da)",
    "latent": "var(--latent, #832db6)",
    "decoder": "var(--decoder, #e76300)",
}
PANEL, TEXT, MUTE, LINE = (
    "var(--panel, #fffefb)",
    "var(--text, #1c2128)",
    "var(--mute, #68707c)",
    "var(--line, #dfdacd)",
)
Point = tuple[float, float]


def tag(name: str, inner: str = "", /, **attributes: object) -> str:
    """An element; `_` in the name of an attribute is written `-`, `class_` is class."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(_short(value)))}"' for key, value in attributes.items()
    )
    return f"<{name}{written}>{inner}</{name}>" if inner else f"<{name}{written}/>"


def polygon(points: Sequence[Point], **attributes: object) -> str:
    """A filled outline."""
    return tag("polygon", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points), **attributes)


def line(start: Point, end: Point, **attributes: object) -> str:
    """A straight line."""
    return tag("line", x1=start[0], y1=start[1], x2=end[0], y2=end[1], **attributes)


def text(at: Point, words: str, **attributes: object) -> str:
    """A label."""
    return tag("text", escape(words), x=at[0], y=at[1], **attributes)


def title(words: str) -> str:
    """What is shown where the hand rests on a group."""
    return tag("title", escape(words))


def drawing(width: float, height: float, label: str, inner: str, name: str) -> str:
    """A whole drawing, as wide as its place and no wider than it was made for."""
    return tag(
        "svg",
        inner,
        xmlns="http://www.w3.org/2000/svg",
        class_=name,
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width=f"{width:.0f}",
        height=f"{height:.0f}",
        role="img",
        aria_label=label,
        font_family="system-ui, sans-serif",
        font_size="11",
    )


def anchor(kind: str, key: str) -> str:
    """An id that a page and its style may use."""
    return f"{kind}-" + "".join(letter if letter.isalnum() else "-" for letter in key)


def _short(value: object) -> object:
    return f"{value:.1f}" if isinstance(value, float) else value
