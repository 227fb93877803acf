"""A code atlas as one HTML page that stands alone: no server, no network, no script."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tilework.explore.canvas import heat
from tilework.explore.code_atlas import ORDER, Code, CodeTable, code, ordered
from tilework.explore.opened import Pixels
from tilework.explore.page import address, image_tag, packed, page
from tilework.explore.sheet import enlarged

CARDS = 48
"""Codes about which the page shows everything: the most used ones."""
_CARD_PATCHES, _CARD_NEAR = 8, 8
_COLUMNS = 64


def code_page(found: CodeTable) -> str:
    """The page: every code with its tile and count; of the most used also positions, patches and nearest codes."""
    opened, order = found.opened, found.order
    tall, across = found.size.shape
    factor = max(1, -(-48 // max(tall, across)))
    about = _most_used(found, order)
    beside_them = [code.near.codes.astype(np.int64) for code in about]
    numbers = np.unique(np.concatenate([order, *beside_them]))
    sprite = _Sprite(numbers, found.painted.of(numbers), factor)
    every = "".join(_one(sprite, found, int(number)) for number in order)
    unused = (
        ""
        if found.counts is None or found.used == found.grid.size
        else '<input type="checkbox" id="hide"><label for="hide">hide unused codes</label>'
    )
    cards = _cards(about, sprite)
    width, height = across * factor, tall * factor
    facts = " · ".join(f"{name} {value}" for name, value in found.facts())
    style = (
        f":root {{ --cell: {max(width, 44)}px; --tall: {height + 32}px; }}\n"
        f".t {{ width: {width}px; height: {height}px; background-image: url({sprite.source}); "
        f"background-size: {sprite.size[0] * factor}px {sprite.size[1] * factor}px; }}\n"
    )
    which = "All" if len(order) == found.grid.size else f"{len(order):,} of {found.grid.size:,}"
    every = f'<section><h2>{which} codes, {ORDER[found.by]}</h2>{unused}<div class="all">{every}</div></section>'
    beside = "" if found.size.margin == 0 else f" with {found.size.margin} cell of its surroundings on each side"
    note = f"Each tile is its code decoded among other tokens,{beside}. Made by tilework from step {opened.step:,}."
    return page(found.title(), cards + every, note, facts=facts, style=style)


class _Sprite:
    """The tiles of some codes in one PNG; `numbers` rise."""

    def __init__(self, numbers: NDArray[np.int64], tiles: Pixels, factor: int) -> None:
        self.factor, self.numbers = factor, numbers
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
        row, column = divmod(int(np.searchsorted(self.numbers, number)), self.columns)
        x, y = column * self.across * self.factor, row * self.tall * self.factor
        return f'<i class="t" style="background-position:-{x}px -{y}px"></i>'


def _one(sprite: _Sprite, found: CodeTable, number: int) -> str:
    count = None if found.counts is None else int(found.counts[number])
    unused = ' class="unused"' if count == 0 else ""
    words = "" if count is None else " unused" if count == 0 else f" {count:,}"
    return f"<div{unused}>{sprite.tile(number)}<b>{number}</b>{words}</div>"


def _most_used(found: CodeTable, order: NDArray[np.int64]) -> list[Code]:
    """The most used codes of those that are shown, with everything about each."""
    if found.among is None or found.counts is None:
        return []
    among, shown = found.among, set(order.tolist())
    used = [int(n) for n in ordered(found, "usage") if int(n) in shown and found.counts[n]]
    return [
        code(
            found.opened,
            found.level,
            number,
            among.side,
            most=len(among.numbers),
            count=_CARD_PATCHES,
            near=_CARD_NEAR,
            margin=found.size.margin,
        )
        for number in used[:CARDS]
    ]


def _cards(about: list[Code], sprite: _Sprite) -> str:
    if not about:
        return ""
    cards = "".join(_card(sprite, one) for one in about)
    return f'<section><h2>The {len(about)} most used codes</h2><div class="cards">{cards}</div></section>'


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
