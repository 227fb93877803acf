"""Findings in the terminal: a whole diagnosis, and the two lines that stand for it elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from tilework.doctor.diagnosis import Diagnosis
from tilework.doctor.entries import fix_command
from tilework.doctor.finding import Finding, Missing, Severity, Unjudged
from tilework.doctor.words import lacking, measured, words_of

if TYPE_CHECKING:
    from rich.console import Console

STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.INFO: "dim"}
_KINDS = {Missing.STEPS: "too few steps so far", Missing.SERIES: "their series were not measured"}
_MARGIN = 9


def print_diagnosis(console: Console, run: str, found: Diagnosis) -> None:
    """Causes first, each with what follows from it below; `run` as it is typed."""
    for cause in (finding for finding in found.findings if not finding.because):
        _print(console, run, cause, 0)
        for other in found.findings:
            if other.because == cause.code:
                _print(console, run, other, 2)
    if found.unjudged:
        console.print()
        for why, codes in _by_reason(found.unjudged).items():
            console.print(
                Text.assemble((f"{'unjudged':<{_MARGIN}}", "dim"), f"{', '.join(codes)}: {why}"), soft_wrap=True
            )


def count(findings: Sequence[Finding]) -> str:
    """`1 error, 2 warnings`; `no findings`."""
    parts = []
    for severity, word in ((Severity.ERROR, "error"), (Severity.WARNING, "warning"), (Severity.INFO, "note")):
        number = sum(finding.severity is severity for finding in findings)
        if number:
            parts.append(f"{number} {word}{'s' if number > 1 else ''}")
    return ", ".join(parts) or "no findings"


def headline(finding: Finding) -> Text:
    """`error    the codebook has collapsed: ...`."""
    return Text.assemble((f"{finding.severity:<{_MARGIN}}", STYLES[finding.severity]), words_of(finding).title)


def fix_line(run: str, finding: Finding) -> Text:
    """`fix      tilework train --from RUN --apply CODE`, with what it changes."""
    if finding.fix is None:
        advice = words_of(finding).advice
        return Text.assemble((f"{'advice':<{_MARGIN}}", "dim"), advice) if advice else Text()
    anew = "" if finding.fix.keep_weights else "; starts anew"
    return Text.assemble(
        (f"{'fix':<{_MARGIN}}", "green"),
        fix_command(run, finding.code),
        (f"   ({' '.join(finding.fix.overrides())}{anew})", "dim"),
    )


def print_first(console: Console, run: str, findings: Sequence[Finding]) -> None:
    """The finding to act on and its fix, and how to see more; nothing where there is none of severity warning or above."""
    wrong = [finding for finding in findings if finding.severity is not Severity.INFO]
    if not wrong:
        return
    first = next((finding for finding in wrong if not finding.because), wrong[0])
    console.print(headline(first), soft_wrap=True)
    if line := fix_line(run, first):
        console.print(line, soft_wrap=True)
    more = f"{len(wrong) - 1} more, evidence and causes" if len(wrong) > 1 else "its evidence and cause"
    console.print(Text(f"{'':<{_MARGIN}}{more}: tilework doctor {run}", style="dim"), soft_wrap=True)


def _print(console: Console, run: str, finding: Finding, indent: int) -> None:
    words, space = words_of(finding), " " * indent

    def line(what: str, text: str) -> None:
        if text:
            console.print(Text.assemble(f"{space}{'':<{_MARGIN}}", (f"{what:<10}", "dim"), text), soft_wrap=True)

    console.print()
    console.print(
        Text.assemble(
            space,
            (f"{finding.severity:<{_MARGIN}}", STYLES[finding.severity]),
            (finding.code, "bold"),
            f"  since step {finding.step:,}" + (f", follows from {finding.because}" if finding.because else ""),
        ),
        soft_wrap=True,
    )
    console.print(Text(f"{space}{'':<{_MARGIN}}{words.title}"), soft_wrap=True)
    line("measured", measured(finding))
    line("cause", words.cause)
    line("advice", words.advice)
    if finding.fix is not None:
        line("fix", fix_command(run, finding.code))
        anew = "" if finding.fix.keep_weights else "; the new run starts anew"
        line("", f"{' '.join(finding.fix.overrides())}{anew}")


def _by_reason(unjudged: Sequence[Unjudged]) -> dict[str, list[str]]:
    """Codes by why they could not judge; of several that lack the same kind of thing, its kind alone."""
    found: dict[object, list[Unjudged]] = {}
    for one in unjudged:
        found.setdefault((one.missing, one.values.get("why")), []).append(one)
    reasons: dict[str, list[str]] = {}
    for ones in found.values():
        texts = {lacking(one) for one in ones}
        reasons[texts.pop() if len(texts) == 1 else _KINDS.get(ones[0].missing, "; ".join(sorted(texts)))] = [
            one.code for one in ones
        ]
    return reasons
