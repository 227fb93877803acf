"""A text before it has a form: headings, paragraphs, lists, tables and figures, which Markdown and HTML are both made of.

A line is text in which `code` and **strong** are marked as in Markdown, and [[name]] is the glossary's title of that entry, in
small letters, and leads to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum, auto


@dataclass(frozen=True)
class Paragraph:
    """One paragraph."""

    line: str


@dataclass(frozen=True)
class Points:
    """A list."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One row of a table; `key` is the name of the stage or metric that it is about."""

    cells: tuple[str, ...]
    key: str = ""
    tone: str = ""
    """good, low, bad, or empty: how a value is to be taken."""


@dataclass(frozen=True)
class Table:
    """A table."""

    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    numbers: frozenset[int] = field(default_factory=frozenset)
    """Columns of numbers, which stand at the right."""


class Drawing(StrEnum):
    """The drawings that there are."""

    NETWORK = auto()
    TOKEN = auto()


@dataclass(frozen=True)
class Figure:
    """Where a drawing stands, and the text beneath it; Markdown has the text alone."""

    drawing: Drawing
    caption: str


@dataclass(frozen=True)
class Card:
    """A number that stands for the model."""

    name: str
    big: str
    unit: str = ""
    more: str = ""


Block = Paragraph | Points | Table | Figure


class Tone(StrEnum):
    """How a row or a part is to be taken."""

    PLAIN = ""
    GOOD = "good"
    LOW = "low"
    BAD = "bad"


class Layout(StrEnum):
    """How a part stands on a page that has room."""

    SIDE = "side"
    """Beside another one."""
    WHOLE = "whole"
    """Over the whole width."""
    COLUMNS = "columns"
    """Over the whole width, its lists in two columns."""


@dataclass(frozen=True)
class Section:
    """A titled part of the text."""

    heading: str
    blocks: tuple[Block, ...]
    layout: Layout = Layout.SIDE
    tone: Tone = Tone.PLAIN
    """Of what is wrong, which a page shows before anything else."""


@dataclass(frozen=True)
class Document:
    """The whole text."""

    title: str
    lead: str
    cards: tuple[Card, ...]
    sections: tuple[Section, ...]
    note: str = ""
    """What it was computed from."""


def safe(text: str) -> str:
    """Text from outside (a path, a name) as it is, in a line: marks in it are no marks."""
    return text.replace("`", "'").replace("**", "* *").replace("[[", "[ [")


def code(text: str) -> str:
    """The same, marked as code."""
    return f"`{safe(text)}`"


def words_and(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""
