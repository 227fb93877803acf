"""A prior from left to right: the tokens of an item, the blocks, and what each token may be."""

from __future__ import annotations

from tilework.explain.drawing.svg import COLOURS, MUTE, PANEL, TEXT, anchor, drawing, line, tag, text, title
from tilework.explain.facts.explanation import PriorExplained

_LARGEST, _MARGIN, _MOST_LINES = 130.0, 16.0, 32
_STACK, _MOST_FRAMES = 7.0, 6
_BLOCK, _GAP, _MOST_BLOCKS = 24.0, 9.0, 16
_HEIGHT = 150.0


def prior_svg(found: PriorExplained) -> str:
    """The drawing."""
    tokens, network = found.tokens, found.network
    behind = min(tokens.frames, _MOST_FRAMES) - 1
    wide = _LARGEST * tokens.width / max(tokens.width, tokens.height)
    high = _LARGEST * tokens.height / max(tokens.width, tokens.height)
    top, x = _MARGIN + behind * _STACK, _MARGIN
    middle = top + high / 2
    parts = [_grids(found, x, top, wide, high, behind, "tokens", COLOURS["latent"], _items(found))]
    x += wide + behind * _STACK + 36
    shown = min(network.depth, _MOST_BLOCKS)
    first = x
    for number in range(1, shown + 1):
        words = f"block {number} of {network.depth}: {network.width} channels, {network.heads} heads"
        parts.append(_block(f"blocks.{number - 1}", words, x, middle, f"{network.positions}x{network.width}"))
        x += _BLOCK + _GAP
    last = x - _GAP
    x += 27
    codes = f"each token: {tokens.codes:,} probabilities"
    parts.append(_grids(found, x, top, wide, high, behind, "head", COLOURS["decoder"], codes))
    right = x + wide + behind * _STACK + _MARGIN
    below = max(top + high, middle + _HEIGHT / 2) + 18
    flow = line((_MARGIN + wide, middle), (x, middle), stroke=MUTE, stroke_width="1", stroke_dasharray="2 4")
    labels = [
        text((_MARGIN + wide / 2, below), _items(found), fill=TEXT, text_anchor="middle"),
        text(
            ((first + last) / 2, below),
            f"{network.depth} blocks of {network.width} channels",
            fill=TEXT,
            text_anchor="middle",
        ),
        text((x + wide / 2, below), f"{tokens.codes:,} codes", fill=TEXT, text_anchor="middle"),
    ]
    label = f"The prior {found.subject.name}: tokens, {network.depth} blocks, probabilities"
    return drawing(right, below + 12, label, flow + "".join(parts) + "".join(labels), "network")


def _items(found: PriorExplained) -> str:
    tokens = found.tokens
    frames = f"{tokens.frames} x " if tokens.frames > 1 else ""
    levels = f" x {tokens.levels}" if tokens.levels > 1 else ""
    return f"{frames}{tokens.width}x{tokens.height}{levels} tokens"


def _grids(
    found: PriorExplained, x: float, y: float, wide: float, high: float, behind: int, name: str, colour: str, words: str
) -> str:
    """A grid of tokens, with those of later frames behind it."""
    inner = [title(words)]
    for number in range(behind, -1, -1):
        left, top = x + number * _STACK, y - number * _STACK
        inner.append(tag("rect", x=left, y=top, width=wide, height=high, fill=PANEL, stroke=colour))
        inner.append(tag("rect", x=left, y=top, width=wide, height=high, fill=colour, fill_opacity="0.18"))
    columns, rows = found.tokens.width, found.tokens.height
    if max(columns, rows) <= _MOST_LINES:
        look = {"stroke": colour, "stroke_width": "0.6"}
        inner += [
            line((x + wide * n / columns, y), (x + wide * n / columns, y + high), **look) for n in range(1, columns)
        ]
        inner += [line((x, y + high * n / rows), (x + wide, y + high * n / rows), **look) for n in range(1, rows)]
    shape = f"{found.tokens.frames}x{found.tokens.levels}x{rows}x{columns}"
    return tag(
        "g", "".join(inner), class_="stage", id=anchor("stage", name), tabindex="0", data_stage=name, data_shape=shape
    )


def _block(name: str, words: str, x: float, middle: float, shape: str) -> str:
    look = {"x": x, "y": middle - _HEIGHT / 2, "width": _BLOCK, "height": _HEIGHT, "rx": "4"}
    colour = COLOURS["encoder"]
    inner = title(words) + tag("rect", fill=PANEL, **look)
    inner += tag("rect", fill=colour, fill_opacity="0.3", stroke=colour, class_="edge", **look)
    return tag("g", inner, class_="stage", id=anchor("stage", name), tabindex="0", data_stage=name, data_shape=shape)
