"""The key metrics of a run, each with what it needs to be understood."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tilework.metrics import VALIDATION, Group, Metrics, values_of
from tilework.runs import usage
from tilework.runs.status import RunInfo


@dataclass(frozen=True)
class Fact:
    """A card at the head of the report: `big` with its unit, and the small print."""

    name: str
    big: str
    unit: str = ""
    more: str = ""


def key_facts(info: RunInfo, meta: dict[str, Any]) -> list[Fact]:
    """Quality in validation, codes in use per level with K, N and N/K, active units, what was held out, and how long it took."""
    val = info.val
    codes = _codebook_facts(val, info.metrics)
    facts = [*_quality_facts(val, info.metrics), *codes]
    quality = info.metrics.qualities(val)
    for metric in info.metrics.headlines(val):
        if metric not in quality and not (codes and metric.group is Group.CODEBOOK):
            for name, value in values_of(metric, val).items():
                label = info.metrics.label(name, VALIDATION)
                facts.append(Fact(label, replace(metric, unit="").text(value), metric.unit, metric.help))
    if "held_out" in meta:
        facts.append(
            Fact(f"held-out {meta.get('unit', 'images')}", f"{meta['held_out']:,}", "", str(meta.get("split", "")))
        )
    total = f" / {info.total_steps:,}" if info.total_steps and info.total_steps != info.step else ""
    rate = f", {info.step / info.seconds:,.0f} steps/s" if info.seconds >= 1 and info.step else ""
    facts.append(
        Fact(
            "training steps",
            f"{info.step:,}",
            total.strip(),
            f"{info.epoch:,.4g} epochs in {duration(info.seconds)}{rate}",
        )
    )
    if "parameters" in meta:
        where = ", ".join(str(meta[k]) for k in ("device", "precision") if k in meta)
        facts.append(Fact("parameters", _in_units(float(meta["parameters"])), "", f"{meta['parameters']:,} on {where}"))
    return facts


def _quality_facts(val: Mapping[str, float], metrics: Metrics) -> list[Fact]:
    """One card with the number that speaks for itself, and the other ones of its kind in small print."""
    lead = metrics.lead(val)
    if lead is None:
        return []
    found = [
        Fact(metrics.label(name, VALIDATION), replace(lead, unit="").text(value), lead.unit)
        for name, value in values_of(lead, val).items()
    ]
    others = [
        f"{metrics.label(name)} {metric.text(value)}" + (f", {metric.help}" if metric.help else "")
        for metric in metrics.qualities(val)
        if metric is not lead
        for name, value in values_of(metric, val).items()
    ]
    return [replace(found[0], more=" · ".join(others) or ("" if lead.unit else lead.help)), *found[1:]]


def _codebook_facts(val: Mapping[str, float], metrics: Metrics) -> list[Fact]:
    facts = []
    for level in usage.levels(val):
        label = metrics.label(f"used.{level.number}" if level.name else "used", VALIDATION)
        more = (
            f"validation perplexity {level.perplexity:,.1f} of {level.codes:,}"
            f" · N {level.tokens:,} · N/K {level.tokens_per_code:,.1f}"
        )
        facts.append(Fact(label, f"{level.used:,}", f"/ {level.codes:,}", more))
    return facts


def reachable(tokens: float, codes: float) -> float:
    """Share of K codes that N tokens would touch if all codes were used equally often: 1 - exp(-N/K)."""
    return 1 - math.exp(-tokens / codes)


def duration(seconds: float) -> str:
    """17 s, 3 min 5 s, 2 h 10 min."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _in_units(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {letter}"
    return f"{value:.0f}"
