"""What the tests of explaining share."""

from __future__ import annotations

from functools import cache

from tilework.explain.facts.explanation import AutoencoderExplained, Explanation, PriorExplained
from tilework.explain.markdown import to_markdown
from tilework.explain.of import explain_spec
from tilework.explain.words.document import document
from tilework.spec import load_spec


@cache
def recipe(name: str, *overrides: str) -> Explanation:
    """A recipe explained; made once for all tests of a process."""
    return explain_spec(load_spec(name, overrides), source=name, overrides=overrides)


def autoencoder(name: str, *overrides: str) -> AutoencoderExplained:
    found = recipe(name, *overrides)
    assert isinstance(found, AutoencoderExplained)
    return found


def prior(name: str, *overrides: str) -> PriorExplained:
    found = recipe(name, *overrides)
    assert isinstance(found, PriorExplained)
    return found


def text_of(found: Explanation) -> str:
    """As Markdown."""
    return to_markdown(document(found))


def section(found: Explanation, heading: str) -> str:
    """One part of the text, as Markdown."""
    parts = text_of(found).split("\n## ")
    return next(part for part in parts if part.startswith(heading))
