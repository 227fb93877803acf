"""Every measured number once: its name, label, unit, group, how a row of it is made, and which way is better.

What shows or judges a run (terminal, report, page, engine) asks this table and spells out no name of its own, so that a run of
any task is shown: a task adds its metrics to those of every run, and the run writes them into its store.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Self


class Group(StrEnum):
    """Metrics of one group are drawn beside each other."""

    QUALITY = "quality"
    LOSS = "loss"
    CODEBOOK = "codebook"
    LATENT = "latent"
    OPTIMISATION = "optimisation"
    SPEED = "speed"
    FACT = "fact"
    """What a measurement is to be read with, such as the number of tokens; not itself a measurement."""


class Reduction(StrEnum):
    """How the steps between two rows become one value."""

    MEAN = "mean"
    SUM = "sum"
    LAST = "last"
    """As it stands at the row: a setting, or a number that is measured over a window of its own."""
    MAX = "max"
    """The largest of the steps, of the metric that `peak_of` gives this name."""


class Better(StrEnum):
    """Which way is better."""

    LOWER = "lower"
    HIGHER = "higher"


class Part(StrEnum):
    """What stands after the dot of a name: `perplexity.2`, `kl.5`, `weight.mse`, `idle.1`."""

    LEVEL = "level"
    DIMENSION = "dimension"
    TERM = "term"
    SET = "set"
    """Of codes: the levels of a residual quantiser may share one."""


class Measured(StrEnum):
    """In which rows a metric occurs."""

    BOTH = "both"
    TRAINING = "training"
    VALIDATION = "validation"


TRAINING, VALIDATION = "train", "val"
"""The splits under which a run's store keeps its values."""
IN_LISTS, INSTEAD = 9, 100
"""Headline ranks: up to IN_LISTS also in lists with one line a run; INSTEAD, where a run has no metric of quality."""


@dataclass(frozen=True)
class Metric:
    """One kind of number that a run measures."""

    name: str
    """As it is stored, without what comes after a dot."""
    label: str
    group: Group
    unit: str = ""
    reduction: Reduction = Reduction.MEAN
    better: Better | None = None
    part: Part | None = None
    measured: Measured = Measured.BOTH
    window: str = ""
    """What the training value is measured over, where that is not the steps between two rows: "last 100 steps"."""
    decimals: int | None = None
    """Digits after the point; None = four significant ones."""
    headline: int | None = None
    """Rank among the numbers that stand for a run as a whole, the first shown first; None = shown among all others only."""
    most: str = ""
    """The metric that is its largest possible value."""
    term: bool = False
    """Measured only where the objective has the loss term of this name."""
    setting: bool = False
    """Set and not measured: its curve has corners, and shows nothing while it does not move."""
    help: str = ""

    def text(self, value: float) -> str:
        """The value with its unit, for example 19.09 dB."""
        number = f"{value:.4g}" if self.decimals is None else f"{value:,.{min(self.decimals, 9)}f}"
        return f"{number} {self.unit}" if self.unit else number

    def as_dict(self) -> dict[str, Any]:
        """As plain data, for a run's store and for the page."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self | None:
        """What `as_dict` wrote, also another version: what is unknown is left out. None where it has no name."""
        if not isinstance(name := stored.get("name"), str) or not name:
            return None
        plain = unknown(name)
        found: dict[str, Any] = {}
        for field in fields(cls):
            value, default = stored.get(field.name), getattr(plain, field.name)
            kind: Any = _ENUMS.get(field.name)
            if kind is not None:
                value = kind(value) if value in list(kind) else default
            elif not isinstance(value, _TYPES[field.name]) or (isinstance(value, int) and not 0 <= value <= 1000):
                value = default
            found[field.name] = value
        return cls(**found)


_ENUMS = {"group": Group, "reduction": Reduction, "better": Better, "part": Part, "measured": Measured}
_TYPES: dict[str, Any] = {
    **dict.fromkeys(("name", "label", "unit", "window", "most", "help"), str),
    **dict.fromkeys(("decimals", "headline"), (int, type(None))),
    **dict.fromkeys(("term", "setting"), bool),
}


def unknown(name: str) -> Metric:
    """A metric that no table names: most likely a loss term that somebody added."""
    return Metric(name, name.replace("_", " "), Group.LOSS)


class Metrics:
    """The metrics of a run, in the order in which they are shown. `metrics["perplexity.2"]` is the entry of `perplexity`."""

    def __init__(self, own: Iterable[Metric] = ()) -> None:
        self._known = {metric.name: metric for metric in (*BASE, *own)}
        self._place = {name: place for place, name in enumerate(self._known)}

    @classmethod
    def read(cls, meta: Mapping[str, Any]) -> Metrics:
        """Those of a run, given what its store holds of it: what its task wrote under `metrics`, else an autoencoder's."""
        stored = meta.get("metrics")
        if not isinstance(stored, list):
            return AUTOENCODER
        return cls(found for one in stored if isinstance(one, Mapping) and (found := Metric.read(one)) is not None)

    def __iter__(self) -> Iterator[Metric]:
        return iter(self._known.values())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and base_of(name) in self._known

    def __getitem__(self, name: str) -> Metric:
        return self._known.get(base_of(name)) or unknown(base_of(name))

    def label(self, name: str, split: str = "") -> str:
        """`validation perplexity, level 2` or `perplexity, level 2, last 100 steps`; the bare label without a `split`."""
        label = self._label(name)
        if split == VALIDATION:
            return f"validation {label}"
        window = self[name].window if split else ""
        return f"{label}, {window}" if window else label

    def _label(self, name: str) -> str:
        metric, part = self[name], self.part_label(name)
        if not part:
            return metric.label
        return f"{metric.label} of {part}" if metric.part is Part.TERM else f"{metric.label}, {part}"

    def part_label(self, name: str) -> str:
        """`level 2`, `dimension 5`, `codebook 1`; of a loss term its name, which is also all that is known of an unknown part."""
        kind, part = self[name].part, part_of(name)
        if not part or kind in {None, Part.TERM}:
            return part
        return f"{'codebook' if kind is Part.SET else kind} {part}"

    def better(self, name: str) -> Better:
        """The direction in which a run is judged by this metric: lower where the table gives none."""
        return self[name].better or Better.LOWER

    def judges(self, name: str, terms: Iterable[str]) -> bool:
        """Whether a validation pass with these loss terms may measure `name`, so that a run can be judged by it."""
        metric = self._known.get(base_of(name))
        if name in terms:
            return True
        if metric is None or metric.measured is Measured.TRAINING or metric.group is Group.FACT:
            return False
        if "." not in name:
            return not metric.term and metric.part in {None, Part.TERM}
        return metric.part in {Part.LEVEL, Part.DIMENSION} and re.fullmatch(r"[1-9]\d*", part_of(name)) is not None

    def judging(self, terms: Iterable[str]) -> tuple[list[str], list[str]]:
        """The names that `judges` accepts: whole ones, sorted, and for those with parts the first one (`perplexity.1`)."""
        names = {metric.name for metric in self} | set(terms)
        whole = sorted(name for name in names if self.judges(name, terms))
        return whole, [f"{metric.name}.1" for metric in self if self.judges(f"{metric.name}.1", ())]

    def ordered(self, names: Iterable[str]) -> list[str]:
        """Names in the order of the table, parts by number; those that it does not know at the end, as they came."""
        return sorted(dict.fromkeys(names), key=self._rank)

    def _rank(self, name: str) -> tuple[int, int]:
        place, part = self._place.get(base_of(name), len(self._place)), part_of(name)
        return place, int(part) if part.isdecimal() and place < len(self._place) else 0

    def headlines(self, names: Iterable[str], lowest: int = INSTEAD) -> list[Metric]:
        """Those of the metrics measured that stand for the run, to the rank `lowest`, the first to be shown first."""
        bases = {base_of(name) for name in names}
        found = [
            m
            for m in self
            if m.name in bases and m.headline is not None and (m.headline <= lowest or m.headline == INSTEAD)
        ]
        if any(m.group is Group.QUALITY for m in found):
            found = [m for m in found if m.headline != INSTEAD]
        return sorted(found, key=lambda m: m.headline or 0)

    def qualities(self, names: Iterable[str]) -> list[Metric]:
        """Of the metrics that stand for the run those that measure how good it is."""
        return [m for m in self.headlines(names, IN_LISTS) if m.group in {Group.QUALITY, Group.LOSS}]

    def lead(self, names: Iterable[str]) -> Metric | None:
        """The one metric of quality to show where there is room for one: the first with a unit, which speaks for itself."""
        found = self.qualities(names)
        return next((m for m in found if m.unit), found[0] if found else None)

    def as_list(self) -> list[dict[str, Any]]:
        """The whole table as plain data."""
        return [metric.as_dict() for metric in self]


def base_of(name: str) -> str:
    """`perplexity.2` -> `perplexity`."""
    return name.partition(".")[0]


def part_of(name: str) -> str:
    """`perplexity.2` -> `2`; empty where there is none."""
    return name.partition(".")[2]


def peak_of(name: str) -> str:
    """`loss` -> `loss_peak`, `kl.5` -> `kl_peak.5`: its largest single step, where the table has it."""
    return f"{base_of(name)}_peak{name.removeprefix(base_of(name))}"


def values_of(metric: Metric, values: Mapping[str, float]) -> dict[str, float]:
    """The values of one metric by their whole names, its parts in order."""
    found = [name for name in values if base_of(name) == metric.name]
    return {name: values[name] for name in sorted(found, key=lambda name: (len(name), name))}


ACTIVE = 0.01
"""Nats from which on a dimension of a Gaussian latent counts as active; with less it has collapsed to the prior. (Burda et al.,
arXiv 1509.00519, use 0.01 for the variance of its mean.)"""
BASE = (
    Metric("loss", "loss", Group.LOSS, better=Better.LOWER, decimals=4, headline=INSTEAD,
           help="the sum of every term times its weight; in validation with the weights at the end of their schedules"),
    Metric("loss_peak", "highest loss of a step", Group.OPTIMISATION, reduction=Reduction.MAX, better=Better.LOWER,
           measured=Measured.TRAINING, decimals=4, help="of the steps since the row before"),
    Metric("lr", "learning rate", Group.OPTIMISATION, reduction=Reduction.LAST, measured=Measured.TRAINING,
           setting=True, help="of the step just taken"),
    Metric("weight", "loss weight", Group.OPTIMISATION, reduction=Reduction.LAST, part=Part.TERM, measured=Measured.TRAINING,
           setting=True, help="factor of a term in the loss"),
    Metric("grad_norm", "gradient norm", Group.OPTIMISATION, measured=Measured.TRAINING,
           help="L2 norm of the whole gradient before clipping"),
    Metric("nonfinite", "non-finite tokens", Group.OPTIMISATION, better=Better.LOWER, measured=Measured.TRAINING,
           help="latent vectors of a step that were infinite or NaN"),
    Metric("steps_per_second", "speed", Group.SPEED, unit="steps/s", reduction=Reduction.LAST, better=Better.HIGHER,
           measured=Measured.TRAINING, help="optimiser steps a second since the row before"),
    Metric("data_wait", "share of time waiting for data", Group.SPEED, reduction=Reduction.LAST, better=Better.LOWER,
           measured=Measured.TRAINING, decimals=3, help="of the time since the row before, in which the next batch was awaited"),
)  # fmt: skip
"""What every run measures."""

_WINDOW = "last 100 steps"

AUTOENCODER = Metrics((
    Metric("psnr", "PSNR", Group.QUALITY, unit="dB", better=Better.HIGHER, measured=Measured.VALIDATION, decimals=2,
           headline=2, help="10 log10(1 / MSE)"),
    Metric("mse", "MSE", Group.QUALITY, better=Better.LOWER, decimals=5, headline=1, help="mean over pixels in [0, 1]"),
    Metric("detail", "fine detail", Group.QUALITY, better=Better.HIGHER, measured=Measured.VALIDATION, decimals=3,
           help="energy of the Laplacian of reconstructions over that of the originals: 1 = as sharp, less = blurred"),
    Metric("l1", "L1", Group.QUALITY, better=Better.LOWER, term=True, help="absolute difference of pixels in [0, 1]"),
    Metric("edges", "edges", Group.QUALITY, better=Better.LOWER, decimals=5, term=True,
           help="mean absolute error of the differences between neighbouring pixels"),
    Metric("sharpness", "sharpness error", Group.QUALITY, better=Better.LOWER, decimals=5, term=True,
           help="mean absolute error of the local strength of fine detail, wherever exactly it lies"),
    Metric("lpips", "LPIPS", Group.QUALITY, better=Better.LOWER, term=True, help="perceptual distance from the original"),
    Metric("bce", "BCE", Group.QUALITY, better=Better.LOWER, term=True, help="binary cross-entropy of the pixels"),
    Metric("kl", "KL", Group.LOSS, unit="nats", part=Part.DIMENSION, term=True,
           help="divergence of the latent from its prior; by dimension, its share of it"),
    Metric("commitment", "commitment", Group.LOSS, better=Better.LOWER, term=True,
           help="mean squared distance from latents to their codes, for the encoder to learn from"),
    Metric("codebook", "codebook", Group.LOSS, better=Better.LOWER, term=True,
           help="mean squared distance from codes to their latents, for the codes to learn from"),
    Metric("entropy", "entropy", Group.LOSS, term=True, help="of each token's choice of codes, less that of all tokens together"),
    Metric("sinkhorn", "sinkhorn", Group.LOSS, better=Better.LOWER, term=True,
           help="transport cost from tokens to evenly used codes"),
    Metric("perplexity", "perplexity", Group.CODEBOOK, reduction=Reduction.LAST, better=Better.HIGHER, part=Part.LEVEL,
           window=_WINDOW, decimals=1, headline=3, most="codes", help="exp of the entropy of code usage, from 1 to K"),
    Metric("used", "codes in use", Group.CODEBOOK, reduction=Reduction.LAST, better=Better.HIGHER, part=Part.LEVEL,
           window=_WINDOW, decimals=0, most="codes", help="codes that at least one token chose, of K"),
    Metric("active_units", "active units", Group.LATENT, decimals=0, headline=IN_LISTS + 1,
           help="latent dimensions with KL above 0.01 nats"),
    Metric("quantisation_error", "quantisation error", Group.CODEBOOK, better=Better.LOWER, part=Part.LEVEL,
           help="mean squared error that the level leaves, per dimension"),
    Metric("z_norm", "mean norm of tokens", Group.LATENT, help="L2 norm of the encoder's outputs"),
    Metric("code_norm", "mean norm of codes", Group.CODEBOOK, part=Part.LEVEL, help="L2 norm of the codes"),
    Metric("idle", "longest idle code", Group.CODEBOOK, unit="steps", better=Better.LOWER, part=Part.SET,
           measured=Measured.TRAINING, help="longest time for which no token chose a code"),
    Metric("revived", "codes revived", Group.CODEBOOK, reduction=Reduction.SUM, part=Part.SET, measured=Measured.TRAINING,
           decimals=0, help="dead codes that were placed anew since the row before"),
    Metric("duplicates", "codes that repeat another", Group.CODEBOOK, better=Better.LOWER, part=Part.LEVEL,
           measured=Measured.VALIDATION, decimals=0, help="codes that are the same point as another one"),
    Metric("codes", "codes K", Group.FACT, measured=Measured.VALIDATION, decimals=0, setting=True, help="codes of one level"),
    Metric("tokens", "tokens N", Group.FACT, measured=Measured.VALIDATION, decimals=0, help="latents that each chose a code"),
    Metric("tokens_per_code", "tokens per code N/K", Group.FACT, measured=Measured.VALIDATION, decimals=1,
           help="how many tokens there were for each code"),
))  # fmt: skip
"""What a run that reconstructs images measures, beside what every run does."""
