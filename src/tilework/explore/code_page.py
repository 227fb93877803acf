"""A code atlas as one HTML page that stands alone: no server, no network, no script."""

from __future__ import annotations

import numpy as np

from tilework.explore.canvas import heat
from tilework.explore.code_atlas import ORDER, Atlas, Code, code, ordered
from tilework.explore.opened import Pixels
from tilework.explore.page import address, image_tag, packed, page
from tilework.explore.sheet import enlarged

CARDS = 48
"""Codes about which the page tells everything: the most used ones."""
_CARD_PATCHES, _CARD_NEAR = 8, 8
_COLUMNS = 64


def code_page(found: Atlas) -> str:
    """The page: every code with its tile and count; of the most used also positions, patches and nearest codes."""
    opened, order = found.opened, ordered(found)
    tall, across = found.size.shape
    factor = max(1, -(-48 // max(tall, across)))
    sprite = _Sprite(found.tiles, factor)
    every = "".join(_one(sprite, found, int(number)) for number in order)
    unused = (
        ""
        if found.counts is None or found.used == found.grid.size
        else '<input type="checkbox" id="hide"><label for="hide">hide unused codes</label>'
    )
    cards = _cards(found, sprite)
    width, height = across * factor, tall * factor
    facts = " · ".join(f"{name} {value}" for name, value in found.facts())
    style = (
        f":root {{ --cell: {max(width, 44)}px; --tall: {height + 32}px; }}\n"
        f".t {{ width: {width}px; height: {height}px; background-image: url({sprite.source}); "
        f"background-size: {sprite.size[0] * factor}px {sprite.size[1] * factor}px; }}\n"
    )
    every = f'<section><h2>All codes, {ORDER[found.by]}</h2>{unused}<div class="all">{every}</div></section>'
    beside = "" if found.size.margin == 0 else f" with {found.size.margin} cell of its surroundings on each side"
    note = f"Each tile is its code decoded among other tokens,{beside}. Made by tilework from step {opened.step:,}."
    return page(found.title(), cards + every, note, facts=facts, style=style)


class _Sprite:
    """All tiles in one PNG."""

    def __init__(self, tiles: Pixels, factor: int) -> None:
        self.factor = factor
        self.tall, self.across = tiles.shape[1:3]
        columns = min(_COLUMNS, len(tiles))
        rows = -(-len(tiles) // columns)
        board = np.zeros((rows * columns, *tiles.shape[1:]), np.uint8)
        board[: len(tiles)] = tiles
        joined = board.reshape(rows, columns, *tiles.shape[1:]).transpose(0, 2, 1, 3, 4)
        whole = joined.reshape(rows * self.tall, columns * self.across, tiles.shape[-1])
        self.columns, self.size = columns, (whole.shape[1], whole.shape[0])
        self.source = address(packed(enlarged(whole, 1)))

    def tile(self, number: int) -> str:
        """The HTML of one tile."""
        row, column = divmod(number, self.columns)
        x, y = column * self.across * self.factor, row * self.tall * self.factor
        return f'<i class="t" style="background-position:-{x}px -{y}px"></i>'


def _one(sprite: _Sprite, found: Atlas, number: int) -> str:
    count = None if found.counts is None else int(found.counts[number])
    unused = ' class="unused"' if count == 0 else ""
    words = "" if count is None else " unused" if count == 0 else f" {count:,}"
    return f"<div{unused}>{sprite.tile(number)}<b>{number}</b>{words}</div>"


def _cards(found: Atlas, sprite: _Sprite) -> str:
    if found.among is None or found.counts is None:
        return ""
    among = found.among
    most = [int(n) for n in ordered(found, "usage")[:CARDS] if found.counts[n]]
    cards = [
        _card(
            sprite,
            code(
                found.opened,
                found.level,
                number,
                among.side,
                most=len(among.numbers),
                count=_CARD_PATCHES,
                near=_CARD_NEAR,
                margin=found.size.margin,
            ),
        )
        for number in most
    ]
    return f'<section><h2>The {len(most)} most used codes</h2><div class="cards">{"".join(cards)}</div></section>'


def _card(sprite: _Sprite, about: Code) -> str:
    near = "".join(sprite.tile(int(n)) for n in about.near.codes[1:])
    names = ", ".join(str(n) for n in about.near.codes[1:])
    where = ""
    if about.positions is not None and about.positions.size > 1:
        where = image_tag(
            heat(about.positions.astype(np.float32), float(about.positions.max())),
            max(1, 64 // max(about.positions.shape)),
            "where on the grid",
        )
    patches = "".join(
        image_tag(patch, sprite.factor, f"image {n}") for patch, n in zip(about.patches, about.images, strict=True)
    )
    return (
        f'<div class="card">{sprite.tile(about.code)}<div><b>code {about.code}</b>'
        f"<small>{about.count:,} tokens, {about.share:.2%}</small></div><div>{where}</div>"
        f'<div class="wide"><small>images where it fits best</small><div class="row">{patches}</div></div>'
        f'<div class="wide"><small>nearest codes: {names}</small><div class="row">{near}</div></div></div>'
    )
