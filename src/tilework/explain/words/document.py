"""From an explanation to its text, whatever was explained."""

from __future__ import annotations

from dataclasses import replace

from tilework.explain.document import Document, code, words_and
from tilework.explain.facts.explanation import AutoencoderExplained, Explanation
from tilework.explain.facts.subject import Form, Subject
from tilework.explain.words.autoencoder import autoencoder_document
from tilework.explain.words.prior import prior_document


def document(found: Explanation) -> Document:
    """The text of an explanation."""
    made = autoencoder_document(found) if isinstance(found, AutoencoderExplained) else prior_document(found)
    return replace(made, note=_computed_from(found.subject))


def _computed_from(subject: Subject) -> str:
    if subject.form is Form.RUN:
        return f"Computed from the spec of the run {code(subject.source)}, and what it has measured."
    changes = f", with {words_and([code(one) for one in subject.overrides])}" if subject.overrides else ""
    kind = "recipe" if subject.source == subject.recipe else "file"
    return f"Computed from the {kind} {code(subject.source)}{changes}."
