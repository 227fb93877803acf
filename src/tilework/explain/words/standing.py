"""Where a run stands, in words: how far it is, and what is wrong with it, the cause first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tilework.doctor.entries import fix_command
from tilework.doctor.finding import Finding, Severity
from tilework.doctor.words import words_of
from tilework.explain.document import Block, Layout, Paragraph, Points, Section, Tone, code, safe
from tilework.explain.facts.explanation import Explanation
from tilework.explain.facts.subject import Standing, Subject
from tilework.explain.symptoms import SHOWN
from tilework.runs.folder import RunFolder

_STATES = {
    "running": "is training",
    "paused": "is paused",
    "finished": "has finished",
    "stopped": "was stopped before its end",
    "crashed": "ended with no error message (crashed)",
}
_TONES = {Severity.ERROR: Tone.BAD, Severity.WARNING: Tone.LOW}


def opening_with_the_run(sections: Sequence[Section], found: Explanation) -> list[Section]:
    """The parts of a text in the order of a run's: where it stands, then, where something is wrong, what failure looks like."""
    standing = found.subject.standing
    if standing is None:
        return list(sections)
    first = standing_section(found.subject, standing)
    if first.tone is Tone.PLAIN and not any(one.verdict in SHOWN for one in found.symptoms):
        return [first, *sections]
    return [first, sections[-1], *sections[:-1]]


def standing_section(subject: Subject, standing: Standing) -> Section:
    """How far a run is, what of it could not be read, and the finding to act on with what follows from it."""
    faults = [one for one in subject.findings if one.severity in _TONES]
    blocks: list[Block] = [Paragraph(_how_far(standing))]
    if faults:
        blocks += _first(subject, faults[0])
        if others := tuple(_other(one, faults[0]) for one in faults[1:]):
            blocks.append(Points(others))
    elif standing.validated_at is not None and not standing.problem:
        blocks.append(Paragraph("The doctor finds nothing wrong with it."))
    tone = _TONES[faults[0].severity] if faults else Tone.PLAIN
    return Section("Where this run stands", tuple(blocks), Layout.WHOLE, tone)


def _how_far(standing: Standing) -> str:
    if standing.problem:
        return f"Its measurements could not be read ({safe(standing.problem)}); what follows is computed from its spec alone."
    total = f" of {standing.total_steps:,}" if standing.total_steps else ""
    far = (
        f"It {_STATES.get(standing.status, standing.status)}, at step {standing.step:,}{total} ({standing.epoch:,.1f} "
        "epochs)."
    )
    if standing.validated_at is None:
        return f"{far} There is no validation yet: bounds are computed, values are of training alone."
    return f"{far} Values of validation are of step {standing.validated_at:,}."


def _first(subject: Subject, finding: Finding) -> Iterator[Block]:
    words = words_of(finding)
    paragraphs = [f"**{_sentence(words.title)}**", *(_sentence(text) for text in (words.cause, words.advice) if text)]
    yield Paragraph(f"{' '.join(paragraphs)} The doctor finds it since step {finding.step:,}.")
    if finding.fix is not None:
        weights = "with the weights of this one" if finding.fix.keep_weights else "from new weights"
        command = fix_command(RunFolder(Path(subject.source)).typed, finding.code)
        changes = ", ".join(code(one) for one in finding.fix.overrides())
        yield Paragraph(f"The fix is {changes}, in a new run that starts {weights}: {code(command)}.")


def _other(finding: Finding, first: Finding) -> str:
    lead = "Follows from it" if finding.because == first.code else "Also found"
    return f"{lead}: {_sentence(words_of(finding).title)}"


def _sentence(text: str) -> str:
    """A part of a message as a sentence of its own."""
    text = safe(text)
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
