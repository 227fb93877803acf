"""The key figures of a run, each with what it needs to be understood."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tilework.runs.status import RunInfo


@dataclass(frozen=True)
class Fact:
    """A card at the head of the report: `big` with its unit, and the small print."""

    name: str
    big: str
    unit: str = ""
    more: str = ""


def key_facts(info: RunInfo, meta: dict[str, Any]) -> list[Fact]:
    """Held-out quality, codes in use per level with K, N and N/K, active units, what was held out, and how long it took."""
    val = info.val
    facts = []
    if "psnr" in val:
        more = f"MSE {val['mse']:.5f}, mean over pixels in [0, 1]" if "mse" in val else ""
        facts.append(Fact("held-out PSNR", f"{val['psnr']:.2f}", "dB", more))
    elif "mse" in val:
        facts.append(Fact("held-out MSE", f"{val['mse']:.5f}", "", "mean over pixels in [0, 1]"))
    facts += _codebook_facts(dict(val))
    if "active_units" in val:
        facts.append(
            Fact("active units", f"{val['active_units']:.0f}", "", "latent dimensions with KL above 0.01 nats")
        )
    if "held_out" in meta:
        facts.append(Fact("held-out pictures", f"{meta['held_out']:,}", "", str(meta.get("split", ""))))
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


def _codebook_facts(val: dict[str, float]) -> list[Fact]:
    facts, level = [], 1
    while f"used.{level}" in val:
        codes, tokens = val.get("codes", math.nan), val.get("tokens", math.nan)
        name = "codes in use" + (f", level {level}" if "used.2" in val else "")
        spread = val.get(f"perplexity.{level}", math.nan)
        more = f"perplexity {spread:,.1f} of {codes:,.0f} · N {tokens:,.0f} · N/K {tokens / codes:,.1f}"
        facts.append(Fact(name, f"{val[f'used.{level}']:,.0f}", f"/ {codes:,.0f}", more))
        level += 1
    return facts


def reachable(tokens: float, codes: float) -> float:
    """Share of K codes that N tokens would touch if all codes were used alike: 1 - exp(-N/K)."""
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
