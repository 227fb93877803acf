"""An event of a run in words, those that the doctor wrote included."""

from __future__ import annotations

from tilework.doctor import kept
from tilework.doctor.words import words_of
from tilework.runs.events import event_text
from tilework.runs.records import Event


def in_words(event: Event) -> str:
    """What happened, in words; of what was trained again after a resume it says so."""
    finding = kept.read(event.payload) if event.kind == "finding" else None
    text = words_of(finding).title if finding is not None else event_text(event.kind, event.payload)
    return text + (" (trained again since)" if event.rewound else "")
