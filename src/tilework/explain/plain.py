"""An explanation as plain data, for a page that draws it itself: the values, the text block by block, and the drawings as SVG."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tilework.explain.document import Block, Document, Figure, Paragraph, Points, Table
from tilework.explain.drawing import network_svg, prior_svg, token_svg
from tilework.explain.facts.explanation import AutoencoderExplained, Explanation
from tilework.explain.inline import pieces
from tilework.explain.terms import entries_of
from tilework.explain.words.names import stage_titles


def to_plain(document: Document, found: Explanation) -> dict[str, Any]:
    """`values` as they were computed; `text`, whose lines are pieces (text, mark, strong, term); `drawings`; `terms`, the entries
    of the glossary that the text leads to, by name."""
    return {
        "values": found.as_dict(),
        "text": {
            "title": document.title,
            "lead": _line(document.lead),
            "cards": [asdict(card) for card in document.cards],
            "sections": [
                {
                    "heading": section.heading,
                    "layout": str(section.layout),
                    "tone": str(section.tone),
                    "blocks": [_block(block) for block in section.blocks],
                }
                for section in document.sections
            ],
            "note": _line(document.note),
        },
        "drawings": drawings(found),
        "terms": {entry.name: asdict(entry) for entry in entries_of(document)},
    }


def drawings(found: Explanation) -> dict[str, str]:
    """Each drawing by its name; those that there are."""
    if not isinstance(found, AutoencoderExplained):
        return {"network": prior_svg(found)}
    made = {"network": network_svg(found, stage_titles(found.network)), "token": token_svg(found)}
    return {name: svg for name, svg in made.items() if svg}


def _block(block: Block) -> dict[str, Any]:
    match block:
        case Paragraph():
            return {"kind": "paragraph", "line": _line(block.line)}
        case Points():
            return {"kind": "points", "lines": [_line(line) for line in block.lines]}
        case Figure():
            return {"kind": "figure", "drawing": str(block.drawing), "caption": _line(block.caption)}
        case Table():
            rows = [
                {"key": row.key, "tone": row.tone, "cells": [_line(cell) for cell in row.cells]} for row in block.rows
            ]
            return {"kind": "table", "heads": list(block.heads), "numbers": sorted(block.numbers), "rows": rows}


def _line(line: str) -> list[dict[str, Any]]:
    return [asdict(piece) for piece in pieces(line)]
