"""The findings of a run in its report: what is wrong, why, the fix, and the curves and images that show it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from PIL import Image

from tilework.doctor.diagnosis import Diagnosis
from tilework.doctor.entries import fix_command
from tilework.doctor.finding import Finding
from tilework.doctor.words import lacking, measured, words_of
from tilework.metrics import VALIDATION, Metrics
from tilework.report.album import Album
from tilework.report.curves import Curve, Panel, curves
from tilework.report.sections import section
from tilework.report.theme import LEVEL_COLOURS
from tilework.runs.folder import RunFolder
from tilework.runs.store import RunStore

_MOST_CURVES = 8
_MOST_PIXELS = 2**22


def findings_section(album: Album, run: RunFolder, store: RunStore, metrics: Metrics, found: Diagnosis) -> str:
    """Every finding, each cause with what follows from it below; last what could not be judged. "" where nothing was asked."""
    if not found.findings and not found.unjudged:
        return ""
    body = ""
    for cause in (finding for finding in found.findings if not finding.because):
        body += _finding(album, run, store, metrics, cause)
        for other in found.findings:
            if other.because == cause.code:
                body += _finding(album, run, store, metrics, other)
    if not found.findings:
        body += "<p>Nothing was found that is wrong with this run.</p>"
    if found.unjudged:
        codes = "; ".join(f"{one.code}: {lacking(one)}" for one in found.unjudged)
        body += f'<p class="mute">Could not be judged: {escape(codes)}.</p>'
    return section("findings", body, f"tilework doctor {run.typed}")


def _finding(album: Album, run: RunFolder, store: RunStore, metrics: Metrics, finding: Finding) -> str:
    words = words_of(finding)
    follows = f" · follows from {finding.because}" if finding.because else ""
    about = f"{finding.severity} · {finding.code} · since step {finding.step:,} · measured {measured(finding)}{follows}"
    lines = [f"<b>{escape(words.title)}</b>", f'<span class="mute">{escape(about)}</span>']
    lines += [escape(text) for text in (words.cause, words.advice) if text]
    if finding.fix is not None:
        changes = " ".join(finding.fix.overrides()) + ("" if finding.fix.keep_weights else ", and starts anew")
        lines.append(f"<code>{escape(fix_command(run.typed, finding.code))}</code>")
        lines.append(f'<span class="mute">sets {escape(changes)}</span>')
    kind = f"finding {finding.severity}" + (" follows" if finding.because else "")
    shown = "".join(_evidence(album, run, store, metrics, finding))
    return f'<div class="{kind}">{"<br>".join(lines)}{shown}</div>'


def _evidence(album: Album, run: RunFolder, store: RunStore, metrics: Metrics, finding: Finding) -> Iterator[str]:
    """The series that show it, with a line where it begins; and its image, where that can be read."""
    evidence = finding.evidence
    split = evidence.split
    lines = []
    for number, name in enumerate(evidence.series[:_MOST_CURVES]):
        steps, values = store.metrics(name, split)
        if len(steps):
            shade = LEVEL_COLOURS[number % len(LEVEL_COLOURS)] if len(evidence.series) > 1 else None
            lines.append(Curve(metrics.label(name, split), steps, values, split == VALIDATION, shade))
    if lines:
        panel = Panel(metrics[evidence.series[0]].label, lines, metrics[evidence.series[0]].unit)
        marks = [(finding.step, "since here")] if finding.step else []
        yield album.figure(
            f"finding-{finding.code}",
            lambda theme: curves([panel], theme, columns=1, marks=marks, width=560),
            f"curve over training steps of {', '.join(line.label for line in lines)}",
        )
    if evidence.image and (image := _image(run, evidence.image)) is not None:
        yield album.pixels(f"finding-{finding.code}-image", image, f"evidence of {finding.code}")


def _image(run: RunFolder, name: str) -> Image.Image | None:
    """An image file of the run; None where it is not there, lies elsewhere, or cannot be read."""
    path, home = (run.path / name).resolve(), run.path.resolve()
    if not path.is_relative_to(home):
        return None
    try:
        with Image.open(path) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                return None
            return opened.convert("RGB")
    except (OSError, ValueError, SyntaxError):
        return None
