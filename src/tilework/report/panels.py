"""Which of a run's series belong together: panels for the curves of a report, as the table of metrics groups them."""

from __future__ import annotations

import numpy as np

from tilework.metrics import VALIDATION, Group, Metrics, Part, base_of, part_of
from tilework.report.curves import Curve, Panel
from tilework.report.theme import LEVEL_COLOURS
from tilework.runs.store import RunStore


def learning_panels(store: RunStore, metrics: Metrics) -> list[Panel]:
    """Losses and quality: the loss and what stands for the run first, then every other measured term."""
    shown = _in_groups(store, metrics, Group.QUALITY, Group.LOSS)
    first = ["loss", *(metric.name for metric in metrics.headlines(shown))]
    return _panels(store, metrics, sorted(shown, key=lambda base: base not in first))


def health_panels(store: RunStore, metrics: Metrics) -> list[Panel]:
    """Perplexity and codes in use per level, active units of a VAE."""
    return _panels(store, metrics, _in_groups(store, metrics, Group.CODEBOOK, Group.LATENT))


def setting_panels(store: RunStore, metrics: Metrics) -> list[Panel]:
    """Learning rate and loss weights where they move, gradient norm, speed."""
    return _panels(store, metrics, _in_groups(store, metrics, Group.OPTIMISATION, Group.SPEED))


def _in_groups(store: RunStore, metrics: Metrics, *groups: Group) -> list[str]:
    """Metrics of these groups that the run has measured, in the order of the table."""
    bases = dict.fromkeys(base_of(name) for name, _ in store.series() if not _a_bar(metrics, name))
    return [base for base in metrics.ordered(bases) if metrics[base].group in groups]


def _a_bar(metrics: Metrics, name: str) -> bool:
    """`kl.1`, `kl.2`, ...: drawn as bars, not as dozens of lines."""
    return metrics[name].part is Part.DIMENSION and part_of(name) != ""


def _panels(store: RunStore, metrics: Metrics, bases: list[str]) -> list[Panel]:
    panels = []
    for base in bases:
        metric = metrics[base]
        curves = _curves(store, metrics, base)
        if not curves or all(not c.values.any() for c in curves):
            continue
        most = store.last(metric.most, VALIDATION) if metric.most else None
        panels.append(Panel(metric.label, curves, metric.unit, most))
    return panels


def _curves(store: RunStore, metrics: Metrics, base: str) -> list[Curve]:
    metric = metrics[base]
    found = [(n, s) for n, s in store.series() if base_of(n) == base and not _a_bar(metrics, n)]
    parts = list(dict.fromkeys(n for n, _ in found))
    curves = []
    for name, split in found:
        steps, values = store.metrics(name, split)
        if metric.setting and len(np.unique(values)) < 2:
            continue
        held_out = split == VALIDATION
        where = "validation" if held_out else metric.window or "training"
        part = metrics.part_label(name)
        # One level needs no number.
        label = where if len(parts) == 1 else part if metric.part is Part.TERM else f"{part}, {where}"
        curves.append(Curve(label, steps, values, held_out, _shade(parts.index(name)) if len(parts) > 1 else None))
    return curves


def _shade(number: int) -> int:
    return LEVEL_COLOURS[number % len(LEVEL_COLOURS)]
