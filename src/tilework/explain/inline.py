"""The marks of a line, taken apart: plain text, code, strong text, and terms of the glossary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tilework.explain import glossary

_MARKS = re.compile(r"`([^`]*)`|\[\[([^\]|]+)(?:\|([^\]]+))?\]\]")


class Mark(StrEnum):
    """How a piece of a line is set."""

    TEXT = "text"
    CODE = "code"
    TERM = "term"


@dataclass(frozen=True)
class Piece:
    """One piece of a line."""

    text: str
    mark: Mark = Mark.TEXT
    strong: bool = False
    term: str = ""
    """Name of the glossary's entry."""


def pieces(line: str) -> Iterator[Piece]:
    """A line from left to right."""
    for number, part in enumerate(line.split("**")):
        strong, end = number % 2 == 1, 0
        for found in _MARKS.finditer(part):
            if found.start() > end:
                yield Piece(part[end : found.start()], strong=strong)
            end = found.end()
            if found[1] is not None:
                yield Piece(found[1], Mark.CODE, strong)
            else:
                entry = glossary.find(found[3] or found[2])
                yield Piece(
                    found[2], Mark.TERM if entry is not None else Mark.TEXT, strong, entry.name if entry else ""
                )
        if end < len(part):
            yield Piece(part[end:], strong=strong)


def plain(line: str) -> str:
    """A line without its marks."""
    return "".join(piece.text for piece in pieces(line))


def terms_in(line: str) -> Iterator[str]:
    """Names of the entries that a line leads to."""
    return (piece.term for piece in pieces(line) if piece.term)
