"""One word of the field, explained."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """A term: what it is in one sentence, its formula, where it comes from, and what to read next."""

    name: str
    """Lower case, words joined by hyphens: what is typed after `tilework explain`."""
    title: str
    text: str
    formula: str = ""
    source: str = ""
    """Paper and place in it; empty for a word that this program defines."""
    related: tuple[str, ...] = ()
    """Names of other entries."""
    also: tuple[str, ...] = ()
    """Other names that find this entry, metrics and settings among them."""
    purpose: str = ""
    """Of a loss term: what it is for."""
