"""Which entries of the glossary a text leads to."""

from __future__ import annotations

from collections.abc import Iterator

from tilework.explain.document import Document, Figure, Paragraph, Points, Table
from tilework.explain.glossary import ENTRIES, Entry
from tilework.explain.inline import terms_in


def lines_of(document: Document) -> Iterator[str]:
    """Every line of a text."""
    yield document.lead
    for section in document.sections:
        for block in section.blocks:
            match block:
                case Paragraph():
                    yield block.line
                case Points():
                    yield from block.lines
                case Table():
                    yield from (cell for row in block.rows for cell in row.cells)
                case Figure():
                    yield block.caption


def entries_of(document: Document) -> list[Entry]:
    """The entries that a text leads to, by title."""
    names = {name for line in lines_of(document) for name in terms_in(line)}
    return sorted((entry for entry in ENTRIES if entry.name in names), key=lambda entry: entry.title.lower())
