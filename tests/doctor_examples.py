"""Runs made by hand for rules: a store with the series that a test gives, and nothing else."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tilework.doctor.case import Case
from tilework.doctor.contract import Rule
from tilework.doctor.diagnosis import shipped
from tilework.doctor.finding import CannotJudge, Finding, Fix, Missing, Severity, Words
from tilework.runs.folder import RunFolder
from tilework.runs.store import RunStore


@contextmanager
def case_of(
    folder: Path,
    spec: Mapping[str, Any] | None = None,
    *,
    train: Mapping[str, Sequence[float]] | None = None,
    val: Mapping[str, Sequence[float]] | None = None,
    every: int = 10,
    epoch: int = 100,
    events: Sequence[tuple[str, int, Mapping[str, Any]]] = (),
    changes: Sequence[tuple[str, float, float, int]] = (),
    probes: Mapping[str, Mapping[str, Any]] | None = None,
    **meta: Any,
) -> Iterator[Case]:
    """A case whose training rows are `every` steps apart and whose validations `epoch` steps, the first at step 0.

    `changes`: settings that were changed by hand: (name, value before, value, step).
    """
    with RunStore.create(folder / "run.db") as store:
        for split, series, apart, first in (("train", train or {}, every, every), ("val", val or {}, epoch, 0)):
            for number in range(max(map(len, series.values()), default=0)):
                row = {name: float(values[number]) for name, values in series.items() if number < len(values)}
                step = first + number * apart
                store.log(step, step / epoch, row, split=split)
        for kind, step, payload in events:
            store.event(kind, step, **payload)
        for name, before, value, step in changes:
            asked = store.command("set", name=name, value=value)
            store.command_done(asked, step, before=before)
        for key, value in {"task": "autoencoder", "total_steps": 1000, **meta}.items():
            store.set_meta(key, value)
    with RunStore.open(folder / "run.db") as store:
        yield Case(spec or {}, store, probes or {})


def falling(start: float, end: float, count: int) -> list[float]:
    """A curve that falls as losses do."""
    return [float(v) for v in end + (start - end) * np.exp(-np.linspace(0, 5, count))]


COLLAPSING = """
name: collapsing
task: autoencoder
bottleneck: {kind: vq, codes: 64, start: random, revival: null}
optimizer: {lr: 0.001}
"""
"""A spec with a known fault, as far as rules look at it; no model can be made of it."""
COLLAPSED = {
    "codes": [64.0] * 5,
    "tokens": [1000.0] * 5,
    "perplexity.1": [30, 8, 1.2, 1.1, 1.1],
    "mse": [0.5, 0.2, 0.1, 0.1, 0.1],
}
HEALTHY = {**COLLAPSED, "perplexity.1": [30.0] * 5}


def made_run(
    root: Path,
    spec: str = COLLAPSING,
    *,
    val: Mapping[str, Sequence[float]] | None = None,
    train: Mapping[str, Sequence[float]] | None = None,
    epoch: int = 100,
) -> RunFolder:
    """A run folder marked as finished, with the series that a test gives, and nothing else."""
    run = RunFolder.create(root, "collapsing", spec)
    run.db.unlink(missing_ok=True)
    with case_of(run.path, val=val, train=train, epoch=epoch, status="finished"):
        return run


def collapse(perplexity: str = "perplexity.1", **other: Any) -> Finding:
    """What the rule of collapsed codebooks finds in such a run, so that its values are those that it words; but for `other`."""
    series = {name: values for name, values in COLLAPSED.items() if name != "perplexity.1"}
    series[perplexity] = COLLAPSED["perplexity.1"]
    with (
        tempfile.TemporaryDirectory() as scratch,
        case_of(Path(scratch), yaml.safe_load(COLLAPSING), val=series) as case,
    ):
        found = shipped()["codebook-collapse"].judge(case)
    assert found is not None
    return replace(found, **other)


class Scripted(Rule):
    """Finds what its test wants at each step: a measured value, None for nothing, or what it lacks."""

    follows_from: tuple[str, ...] = ()  # type: ignore[misc]

    def __init__(
        self,
        script: Mapping[int, float | Missing | None],
        fix: Fix | None = None,
        *,
        severity: Severity = Severity.ERROR,
        probes: tuple[str, ...] = (),
    ) -> None:
        self.script, self.fix, self.severity = script, fix, severity
        self.probes = probes  # type: ignore[misc]
        self.judged: list[int] = []

    def judge(self, case: Case) -> Finding | None:
        self.judged.append(case.step)
        at = [step for step in self.script if step <= case.step]
        measured = self.script[max(at)] if at else None
        if isinstance(measured, Missing):
            raise CannotJudge(measured, name="grey")
        if self.probes:
            measured = float(case.probe(self.probes[0])["value"])
        return None if measured is None else Finding("", self.severity, max(at), measured, 0.5, fix=self.fix)

    def words(self, finding: Finding) -> Words:
        return Words(f"scripted {finding.measured:g}", "as the test has it")


def collapse_only(monkeypatch: pytest.MonkeyPatch, **more: Rule) -> None:
    """The rule of collapsed codebooks and those that the test gives, and no other: what else is shipped reports nothing
    here."""
    only(monkeypatch, codebook_collapse=shipped()["codebook-collapse"], **more)


def only(monkeypatch: pytest.MonkeyPatch, **rules: Rule) -> None:
    """These are all rules that there are; `codes_idle=` is that of `codes-idle`."""
    found = {name.replace("_", "-"): rule for name, rule in rules.items()}
    for module in ("doctor.diagnosis", "doctor.words", "engine.applying"):
        monkeypatch.setattr(f"tilework.{module}.shipped", lambda: found)
