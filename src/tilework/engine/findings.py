"""The doctor beside a run that trains: it judges what the run has written down, and writes down what it finds."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from tilework.doctor import kept
from tilework.doctor.case import Case
from tilework.doctor.diagnosis import Diagnosis, diagnose
from tilework.doctor.finding import Finding
from tilework.doctor.following import Following
from tilework.doctor.opening import LEFT_OUT, PROBES, opened
from tilework.engine.frame_budget import FrameBudget
from tilework.engine.record import Record
from tilework.engine.session import Session
from tilework.errors import TileworkError
from tilework.runs.folder import RunFolder
from tilework.runs.records import CHANGED, FOUND, GONE

SHARE = 0.01
"""Of the training time, that judging takes at most."""
FREE_SECONDS = 1.0
"""Judging may take so long in all before it is held to its share: short runs are judged at each validation."""

LOOK, FEWEST, MOST = 0.05, 20, 1_000
"""Of the steps of a run, between so many and so many: the model is looked at for the first time then, and again at the end. What
is wrong with its output or with the weight of a term need not wait until then."""
LOOK_SHARE, LOOK_LEAST = 0.2, 1.0
"""No probe of that first look begins after this share of the time so far (1 % of the whole run then), but after a second at the
earliest; none ever begins after the time of all probes."""

SWITCH = "TILEWORK_PROBES"
"""Environment variable: 0 leaves the probes of runs out; `tilework doctor` makes them when it is asked."""
_PROBING = "tilework.engine.probing"
"""Loaded when probes are wanted: whoever only trains need not have it."""


class Part(Enum):
    """What is probed."""

    ALL = "all"
    IMAGES = "images"
    MODEL = "model"


@dataclass(frozen=True)
class Probes:
    """What was measured at a model itself; nothing where there are no probes."""

    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By probe: numbers by name."""
    left_out: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By probe that was not made: why."""

    def __or__(self, other: Probes) -> Probes:
        return Probes({**self.values, **other.values}, {**self.left_out, **other.left_out})


class Findings:
    """Judges a run at its validations and at its end; its model is probed once early, and at the end. Only the main process has
    one; weights and random state are not touched."""

    def __init__(self, session: Session, record: Record) -> None:
        self.session, self.record = session, record
        self._spec = session.parts.spec.model_dump(mode="json")
        self._rows = Following(record.store)
        self._standing = {f.code: f for f in kept.findings_in(record.store.standing())}
        self._budget = FrameBudget(SHARE, 0.0)
        self._of_images: Probes | None = None
        self._began = time.monotonic()
        self._look_at = max(FEWEST, min(MOST, math.ceil(LOOK * session.parts.budget.total_steps)))
        self._looked = session.step >= self._look_at  # a run that goes on was looked at before

    def logged(self) -> None:
        """A row of training was written. Once, when the run has come some way, its model is looked at, whether it validates then
        or not: that is not of the share which judging has all along."""
        if self._looked or self.session.step < self._look_at:
            return
        self._looked = True
        if _wanted():
            within = max(LOOK_LEAST, LOOK_SHARE * (time.monotonic() - self._began))
            self._judge(self._images() | self._look(Part.MODEL, within))

    def validated(self) -> None:
        """A validation has ended: judge its rows, as often as that costs less than its share of the time."""
        if self._budget.total < FREE_SECONDS or time.monotonic() >= self._budget.next:
            began = time.perf_counter()
            self._judge(self._images() if self.session.step else Probes())
            self._budget.spent(time.perf_counter() - began)

    def _images(self) -> Probes:
        """What the images are like: looked at once in this process, as they are what they will be at the end."""
        if self._of_images is None:
            self._of_images = self._look(Part.IMAGES)
        return self._of_images

    def _look(self, part: Part, seconds: float = math.inf) -> Probes:
        try:
            if _wanted():
                return probes_of_session(self.session, self.record.run, part, seconds)
        except Exception as error:  # the doctor never ends a run
            self._failed(error)
        return Probes()

    def ended(self, *, probes: bool) -> None:
        """The run is at its end: judge all of it, with `probes` of the model too."""
        found = Probes()
        try:
            if probes and _wanted():
                found = probes_of_session(self.session, self.record.run)
                self.record.store.set_meta(PROBES, found.values)
                self.record.store.set_meta(LEFT_OUT, found.left_out)
        except Exception as error:  # the doctor never ends a run
            self._failed(error)
        self._judge(found)

    def _judge(self, probes: Probes) -> None:
        try:
            self._write(diagnose(Case(self._spec, self._rows, probes.values, probes.left_out), tolerant=True))
        except TileworkError:
            pass  # of the store, which fails again at the next row
        except Exception as error:  # the doctor never ends a run
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        with contextlib.suppress(TileworkError):
            self.record.event("doctor-failed", problem=f"{type(error).__name__}: {error}")

    def _write(self, found: Diagnosis) -> None:
        """Rows for what is new, for what has changed, and for what holds no longer; events for the first and the last."""
        now = {finding.code: finding for finding in found.findings}
        for code, finding in now.items():
            before = self._standing.get(code)
            if before is None:
                self._keep(FOUND, finding)
                self.record.event("finding", code=code, **{kept.KEPT: finding.as_dict()})
            elif kept.differs(before, finding):
                self._keep(CHANGED, finding)
        judged = found.asked - {one.code for one in found.unjudged}
        for code in [code for code in self._standing if code in judged and code not in now]:
            kept.keep(self.record.store, self.session.step, GONE, self._standing.pop(code))
            self.record.event("finding-gone", code=code)

    def _keep(self, change: str, finding: Finding) -> None:
        kept.keep(self.record.store, self.session.step, change, finding)
        self._standing[finding.code] = finding


def _wanted() -> bool:
    return os.environ.get(SWITCH) != "0"


# Probes: what is measured at the model itself ----------------------------------------------------------------------------


def diagnosis_of(folder: RunFolder, *, probes: bool) -> Diagnosis:
    """The diagnosis of a run folder, from its rows and what probes found at its end; where they were not made then and are
    wanted, they are made now. Raises UserError where there is nothing that can be read."""
    with opened(folder) as case:
        if probes and not case.probes:
            found = probes_of_folder(folder)
            case = replace(case, probes=found.values, left_out=found.left_out)
        return diagnose(case, tolerant=True)


def probes_of_session(session: Session, folder: RunFolder, part: Part = Part.ALL, seconds: float = math.inf) -> Probes:
    """Probe the model of a run that stands, or a part of what there is to probe, and keep the evidence in its folder."""
    if importlib.util.find_spec(_PROBING) is None:
        return Probes()
    running = importlib.import_module(f"{_PROBING}.running")
    chosen = {
        name: probe
        for name, probe in running.shipped().items()
        if part is Part.ALL or probe.of_images == (part is Part.IMAGES)
    }
    probed = importlib.import_module(f"{_PROBING}.opening").probe_session(
        session, min(seconds, running.SECONDS), chosen
    )
    return Probes(importlib.import_module(f"{_PROBING}.kept").keep(probed, folder), _left_out(probed))


def probes_of_folder(folder: RunFolder) -> Probes:
    """Probe the weights that a run has saved. Nothing is written."""
    if importlib.util.find_spec(_PROBING) is None:
        return Probes()
    probed = importlib.import_module(f"{_PROBING}.opening").probe_run(folder)
    return Probes(probed.values, _left_out(probed))


def _left_out(probed: Any) -> Mapping[str, Mapping[str, Any]]:
    return {name: {"why": str(one.why), "detail": one.detail} for name, one in probed.left_out.items()}
