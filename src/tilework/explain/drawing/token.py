"""One position of the latent on the image: its own place, what it can depend on, and what it can change."""

from __future__ import annotations

from dataclasses import dataclass

from tilework.explain.drawing.svg import COLOURS, MUTE, PANEL, TEXT, drawing, line, tag, text, title
from tilework.explain.facts.explanation import AutoencoderExplained
from tilework.explain.facts.network import Area

_LARGEST, _MARGIN, _LEGEND = 240.0, 10.0, 230.0
_MOST_LINES = 64


@dataclass(frozen=True)
class _Mark:
    """An area around the middle position."""

    area: Area
    colour: str
    words: str
    dashed: bool = False
    filled: str = "0.12"


def token_svg(found: AutoencoderExplained) -> str:
    """The drawing; empty where one position sees everything, or nobody knows what."""
    seen, images = found.locality, found.images
    if seen.sees is None or seen.pitch is None:
        return ""
    own = Area(*seen.pitch)
    marks = [_Mark(seen.sees, COLOURS["encoder"], f"can depend on {seen.sees.width}x{seen.sees.height}")]
    if seen.paints is not None:
        words = f"can change {seen.paints.width}x{seen.paints.height} of the output"
        marks.append(_Mark(seen.paints, COLOURS["decoder"], words, dashed=True, filled="0"))
    marks.append(_Mark(own, COLOURS["latent"], f"its own place, {own.width}x{own.height} pixels", filled="0.8"))
    widest = max(images.width, *(mark.area.width for mark in marks))
    highest = max(images.height, *(mark.area.height for mark in marks))
    scale = _LARGEST / max(widest, highest)
    # The middle position, not the middle of the image: the grid has an even number of positions as a rule.
    middle = tuple(
        _MARGIN + scale * (most / 2 + (position // 2 + 0.5) * pitch - side / 2)
        for most, side, position, pitch in (
            (widest, images.width, found.latent.width, own.width),
            (highest, images.height, found.latent.height, own.height),
        )
    )
    left = _MARGIN + scale * (widest - images.width) / 2
    top = _MARGIN + scale * (highest - images.height) / 2
    inner = [
        tag("rect", x=left, y=top, width=scale * images.width, height=scale * images.height, fill=PANEL, stroke=MUTE),
        *_grid(found, left, top, scale),
        *(_rect(mark, middle, scale) for mark in marks),
    ]
    wide = 2 * _MARGIN + scale * widest
    inner.append(text((wide + 8, 24), f"image {images.width}x{images.height}", fill=TEXT, font_weight="600"))
    inner.append(text((wide + 8, 42), f"grid {found.latent.width}x{found.latent.height}", fill=MUTE))
    for number, mark in enumerate(marks):
        y = 68 + 22 * number
        inner.append(_swatch(mark, wide + 8, y))
        inner.append(text((wide + 32, y + 10), mark.words, fill=TEXT))
    label = (
        f"One position of the latent sees {seen.sees.width}x{seen.sees.height} of {images.width}x{images.height} pixels"
    )
    return drawing(
        wide + _LEGEND, max(2 * _MARGIN + scale * highest, 68 + 22 * len(marks)), label, "".join(inner), "token"
    )


def _grid(found: AutoencoderExplained, left: float, top: float, scale: float) -> list[str]:
    columns, rows = found.latent.width, found.latent.height
    if max(columns, rows) > _MOST_LINES:
        return []
    wide, high = scale * found.images.width, scale * found.images.height
    look = {"stroke": MUTE, "stroke_width": "0.5", "stroke_opacity": "0.45"}
    across = [
        line((left + wide * n / columns, top), (left + wide * n / columns, top + high), **look)
        for n in range(1, columns)
    ]
    return across + [
        line((left, top + high * n / rows), (left + wide, top + high * n / rows), **look) for n in range(1, rows)
    ]


def _rect(mark: _Mark, middle: tuple[float, ...], scale: float) -> str:
    wide, high = mark.area.width * scale, mark.area.height * scale
    return tag(
        "rect",
        title(mark.words),
        x=middle[0] - wide / 2,
        y=middle[1] - high / 2,
        width=wide,
        height=high,
        **_look(mark),
    )


def _swatch(mark: _Mark, x: float, y: float) -> str:
    return tag("rect", x=x, y=y, width=14, height=12, **_look(mark))


def _look(mark: _Mark) -> dict[str, object]:
    found: dict[str, object] = {
        "fill": mark.colour,
        "fill_opacity": mark.filled,
        "stroke": mark.colour,
        "stroke_width": "1.5",
    }
    return found | ({"stroke_dasharray": "5 3"} if mark.dashed else {})
