"""What a rule may read: one run as it was written down. Needs no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tilework.doctor.finding import CannotJudge, Missing
from tilework.metrics import TRAINING, VALIDATION, Metrics

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tilework.runs.reader import StoreReader
    from tilework.runs.records import Event


@dataclass(frozen=True, eq=False)
class Curve:
    """Values of one series at steps; NaN and infinities as they were logged."""

    steps: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def last(self) -> float:
        """The newest value."""
        return float(self.values[-1])

    def after(self, step: int) -> Curve:
        """Of the steps after this one."""
        kept = self.steps > step
        return Curve(self.steps[kept], self.values[kept])

    def finite(self) -> Curve:
        """Without NaN and infinities."""
        import numpy as np

        kept = np.isfinite(self.values)
        return Curve(self.steps[kept], self.values[kept])


@dataclass(frozen=True, eq=False)
class Case:
    """A run: its spec with every default written out, what its store keeps, and what probes found."""

    spec: Mapping[str, Any]
    store: StoreReader
    probes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Name of a probe -> what it measured, numbers by name."""
    left_out: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Name of a probe that was not made -> why, for the words."""

    @property
    def task(self) -> str:
        """What the run trains: an autoencoder, a prior."""
        return str(self.spec.get("task") or "autoencoder")

    @cached_property
    def meta(self) -> dict[str, Any]:
        """Facts of the run as a whole."""
        return self.store.meta()

    @cached_property
    def metrics(self) -> Metrics:
        """The metrics of its task."""
        return Metrics.read(self.meta)

    @cached_property
    def step(self) -> int:
        """Where it stands."""
        return int(self.store.latest()["step"])

    @cached_property
    def names(self) -> set[tuple[str, str]]:
        """(name, split) of every series."""
        return set(self.store.series())

    @cached_property
    def events(self) -> list[Event]:
        """What happened, without what was trained again after a resume."""
        return [event for event in self.store.events() if not event.rewound]

    @cached_property
    def _curves(self) -> dict[tuple[str, str], Curve]:
        return {}

    def setting(self, name: str, default: Any = None) -> Any:
        """A setting by its full name, `bottleneck.codes`; `default` where the spec has none."""
        found: Any = self.spec
        for part in name.split("."):
            if not isinstance(found, Mapping) or part not in found:
                return default
            found = found[part]
        return found

    def fact(self, name: str) -> Any:
        """A fact of the store. Raises CannotJudge where it has none."""
        if self.meta.get(name) is None:
            raise CannotJudge(Missing.FACTS, name=name)
        return self.meta[name]

    @property
    def progress(self) -> float:
        """The share of its budget that has been trained, 0 to 1; 1 where no total is known."""
        total = self.meta.get("total_steps") or self.step
        return min(1.0, self.step / total) if total else 1.0

    def curve(self, name: str, split: str = VALIDATION, least: int = 1) -> Curve:
        """A series. Raises CannotJudge where it has fewer than `least` values."""
        if (name, split) not in self._curves:
            self._curves[name, split] = Curve(*self.store.metrics(name, split))
        found = self._curves[name, split]
        if len(found) < least:
            if split == VALIDATION and not any(s == VALIDATION for _, s in self.names):
                raise CannotJudge(Missing.VALIDATION)
            missing = Missing.STEPS if len(found) else Missing.SERIES
            raise CannotJudge(missing, name=name, split=split, have=len(found), need=least)
        return found

    def parts(self, name: str, split: str = VALIDATION) -> list[str]:
        """The series of a metric that has parts, in their order: perplexity.1, perplexity.2, ...; itself where it has none."""
        found = [n for n, s in self.names if s == split and (n == name or n.startswith(name + "."))]
        return self.metrics.ordered(found)

    def value(self, name: str, split: str = VALIDATION) -> float:
        """The newest value of a series. Raises CannotJudge where there is none."""
        return self.curve(name, split).last

    def known(self, name: str, split: str = VALIDATION) -> float:
        """The same; NaN where there is none."""
        try:
            return self.value(name, split)
        except CannotJudge:
            return math.nan

    def known_at_start(self, name: str, split: str = VALIDATION) -> float:
        """The value of a series before the first step; NaN where there is none."""
        try:
            curve = self.curve(name, split)
        except CannotJudge:
            return math.nan
        return float(curve.values[0]) if curve.steps[0] == 0 else math.nan

    def validated(self, name: str, least: int = 1) -> Curve:
        """A series of validation without the one before the first step. Raises CannotJudge for fewer than `least` values."""
        curve = self.curve(name).after(0)
        if len(curve) < least:
            raise CannotJudge(Missing.STEPS, name=name, split=VALIDATION, have=len(curve), need=least)
        return curve

    def probe(self, name: str) -> Mapping[str, Any]:
        """What a probe found. Raises CannotJudge where it was not made."""
        if name not in self.probes:
            raise CannotJudge(Missing.PROBE, **{**self.left_out.get(name, {}), "name": name})
        return self.probes[name]

    def has_term(self, term: str) -> bool:
        """Whether the objective has this loss term, at whatever weight."""
        return (term, TRAINING) in self.names or (term, VALIDATION) in self.names
