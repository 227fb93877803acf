"""Two sides measured in turn, so that a slow minute of the machine hits both; the figure is the median of the pairs."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Side = Callable[[], dict[str, Any]]


@dataclass(frozen=True)
class Pairs:
    """Results of both sides, pair by pair."""

    ours: list[dict[str, Any]]
    peer: list[dict[str, Any]]

    def spread(self, figure: Callable[[float, float], float]) -> dict[str, float]:
        """Median, lowest and highest of figure(our images/s, the peer's images/s) over the pairs."""
        values = [
            figure(a["images_per_second"], b["images_per_second"]) for a, b in zip(self.ours, self.peer, strict=True)
        ]
        return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def alternate(ours: Side, peer: Side, count: int, done: Callable[[int], None] | None = None) -> Pairs:
    """`count` pairs; every second one begins with the peer, because the first of two may run on a cooler machine."""
    pairs = Pairs([], [])
    for number in range(count):
        order = [(ours, pairs.ours), (peer, pairs.peer)]
        for side, results in order if number % 2 == 0 else reversed(order):
            results.append(side())
        if done is not None:
            done(number + 1)
    return pairs


def summary(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One side over all pairs: medians of speed and step, the highest peak memory, and what does not change."""
    first = results[0]
    peaks = [r["peak_mib"] for r in results if r["peak_mib"] is not None]
    return {
        **first,
        "images_per_second": statistics.median(r["images_per_second"] for r in results),
        "step_ms": statistics.median(r["step_ms"] for r in results),
        "peak_mib": max(peaks) if peaks else None,
    }
