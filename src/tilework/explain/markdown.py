"""A text as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from tilework.explain.document import Block, Document, Figure, Paragraph, Points, Row, Section, Table
from tilework.explain.inline import Mark, Piece, pieces
from tilework.explain.terms import entries_of


def to_markdown(document: Document) -> str:
    """The whole text. Drawings are left out; the page has them (`--out FILE.html`)."""
    parts = [f"# {_escaped(document.title)}", _line(document.lead), _line(document.note)]
    if document.cards:
        parts.append(_cards(document))
    parts += [part for section in document.sections for part in section_parts(section)]
    if terms := entries_of(document):
        names = ", ".join(entry.name for entry in terms)
        parts += ["## Words", f"`tilework explain TERM` explains each: {names}."]
    return "\n\n".join(part for part in parts if part) + "\n"


def section_parts(section: Section, level: int = 2) -> Iterator[str]:
    """A titled part, block by block."""
    blocks = [block for block in section.blocks if not isinstance(block, Figure)]
    if blocks:
        yield f"{'#' * level} {_escaped(section.heading)}"
    yield from map(_block, blocks)


def _cards(document: Document) -> str:
    rows = tuple(Row((card.name, f"{card.big} {card.unit}".strip(), card.more)) for card in document.cards)
    return _table(Table(("", "", ""), rows, frozenset({1})))


def _block(block: Block) -> str:
    match block:
        case Paragraph():
            return _line(block.line)
        case Points():
            return "\n".join(f"- {_line(line)}" for line in block.lines)
        case Table():
            return _table(block)
        case Figure():
            return ""


def _table(table: Table) -> str:
    rule = ["---:" if column in table.numbers else "---" for column in range(len(table.heads))]
    lines: list[Sequence[str]] = [table.heads, rule, *([_cell(cell) for cell in row.cells] for row in table.rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")


def _line(line: str) -> str:
    groups = groupby(pieces(line), key=lambda piece: piece.strong)
    return "".join(_strong("".join(map(_piece, group)), strong) for strong, group in groups)


def _piece(piece: Piece) -> str:
    return f"`{piece.text}`" if piece.mark is Mark.CODE else _escaped(piece.text)


def _strong(text: str, strong: bool) -> str:
    if not strong or not text.strip():
        return text
    # Spaces inside the stars would be no strong text.
    left, right = len(text) - len(text.lstrip()), len(text.rstrip())
    return f"{text[:left]}**{text[left:right]}**{text[right:]}"


def _escaped(text: str) -> str:
    """Without marks that nobody meant."""
    return text.replace("\\", "\\\\").replace("*", "\\*").replace("_", "\\_").replace("<", "&lt;")
