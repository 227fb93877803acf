"""A term of the glossary as a part of a text."""

from __future__ import annotations

from tilework.explain import glossary
from tilework.explain.document import Paragraph, Section, code
from tilework.explain.glossary import Entry


def entry_section(entry: Entry) -> Section:
    """What it is, its formula, what it is for, where it comes from, and what to read next."""
    lines = [entry.text]
    if entry.formula:
        lines.append(code(entry.formula))
    if entry.purpose:
        lines.append(entry.purpose)
    if entry.source:
        lines.append(f"Source: {entry.source}.")
    related = [name for name in entry.related if glossary.find(name) is not None]
    if related:
        lines.append(f"Related: {', '.join(map(code, related))}.")
    return Section(entry.title, tuple(Paragraph(line) for line in lines))
