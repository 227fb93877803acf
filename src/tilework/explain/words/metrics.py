"""Every metric in one table: its newest values, where there are any, and how it is read."""

from __future__ import annotations

from tilework.explain import glossary
from tilework.explain.document import Layout, Paragraph, Row, Section, Table
from tilework.explain.facts.explanation import Explanation
from tilework.explain.facts.reading import Reading, Verdict
from tilework.explain.readings import cause_of
from tilework.explain.words.readings import reading_text
from tilework.metrics import base_of, part_of

_TRACKERS = {"wandb": "Weights & Biases", "tensorboard": "TensorBoard", "csv": "a CSV file"}
TONES = {
    Verdict.COLLAPSED: "bad",
    Verdict.FOLLOWS: "low",
    Verdict.LOW: "low",
    Verdict.FAULT: "low",
    Verdict.GOOD: "good",
    Verdict.BOUND: "good",
}
_WORDS = {
    Verdict.COLLAPSED: "**Now: collapsed.**",
    Verdict.LOW: "**Now: low.**",
    Verdict.FAULT: "**Now: not as it should be.**",
    Verdict.GOOD: "**Now: good.**",
    Verdict.BOUND: "**Now: as high as so few tokens allow.**",
}


def metrics_section(found: Explanation) -> Section:
    """Every metric, its newest values where there are any, and how to read it."""
    measured = any(one.shown for one in found.readings)
    rows = tuple(_row(one, found, measured) for one in found.readings if _first(one))
    heads = ("metric", "validation", "training", "how to read it") if measured else ("metric", "how to read it")
    lead = (
        "Validation is what counts; training values are of the newest row, over the steps since the row before unless "
        "stated otherwise."
        if measured
        else "Nothing is measured yet; bounds are computed from this configuration. A run's explanation has its values."
    )
    where = ", ".join(_TRACKERS.get(one, one) for one in found.training.trackers)
    kept = (
        f"They are kept in the run's folder, and go to {where} under the same names."
        if where
        else "They are kept in the run's folder (`tilework show`, the studio); `trackers=wandb` sends them to "
        "Weights & Biases too."
    )
    table = Table(heads, rows, frozenset({1, 2} if measured else ()))
    return Section("How to read the metrics", (Paragraph(lead), Paragraph(kept), table), Layout.WHOLE)


def _follows(found: Explanation) -> str:
    cause = cause_of(found.readings)
    return f"**Now: no better than one mean image. It follows from {cause.label}.**" if cause is not None else ""


def _first(one: Reading) -> bool:
    """Levels and dimensions beyond the first are in the table only with values of their own."""
    return bool(one.shown) or not _further(one.metric)


def _further(name: str) -> bool:
    """The second level or dimension, or a later one."""
    return part_of(name).isdecimal() and part_of(name) != "1"


def _row(one: Reading, found: Explanation, measured: bool) -> Row:
    base = base_of(one.metric)
    entry = glossary.of_term(base)
    label = one.label if measured or one.parts < 2 else one.label.rpartition(",")[0] or one.label
    name = f"[[{label}|{entry.name}]]" if entry is not None else label
    text = "" if _further(one.metric) else reading_text(one, found)
    verdict = _follows(found) if one.verdict is Verdict.FOLLOWS else _WORDS.get(one.verdict, "")
    text = " ".join(part for part in (text, verdict) if part)
    values = (one.shown.get("validation", ""), one.shown.get("training", "")) if measured else ()
    return Row((name, *values, text), key=one.metric, tone=TONES.get(one.verdict, ""))
