"""Whether a perceptual loss is fed the range of values that its network was trained on."""

from __future__ import annotations

from typing import Any, cast

from tilework.engine.preflight import contract
from tilework.engine.preflight.bench import Bench
from tilework.engine.preflight.contract import NotChecked
from tilework.engine.probing.probes.perceptual_input import arriving
from tilework.engine.tasks.autoencoder import Task
from tilework.objective import LossTerm
from tilework.runs.preflight import Result, Why

TOLERANCE = 0.05
"""Share of the range that was expected."""


class Check(contract.Check):
    """Black beside white images go through every loss term that has a network of its own, and what arrives at that network is
    measured against the range that it states it was made for.

    LPIPS was made for values from -1 to 1. Fed the [0, 1] of images it loses contrast and then allows washed-out reconstructions.
    """

    tasks = ("autoencoder",)
    order = 30

    def run(self, bench: Bench) -> Result:
        x = bench.pace.few.images
        for name, term in cast(Task, bench.base).objective.terms.items():
            for module in term.modules():
                wanted = getattr(module, "input_range", None)
                if wanted is None:
                    continue
                arrived = arriving(cast(LossTerm, term), module, x[:1])
                if arrived is None:  # It does not ask its network: that it gives nothing is another check's.
                    continue
                low, high = arrived
                values = {"low": low, "high": high, "wanted_low": wanted[0], "wanted_high": wanted[1]}
                off = TOLERANCE * (wanted[1] - wanted[0])
                if abs(low - wanted[0]) > off or abs(high - wanted[1]) > off:
                    return self.failed("wrong-range", values, [name], _changes(bench, name))
                return self.passed(values, [name])
        raise NotChecked(Why.NO_PERCEPTUAL_TERM)


def _changes(bench: Bench, name: str) -> dict[str, Any]:
    """What is known of the term: its setting for this very fault."""
    term = cast(Any, bench.spec).objective[name]
    return {f"objective.{name}.input_range_fault": False} if getattr(term, "input_range_fault", False) else {}
