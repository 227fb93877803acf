"""Whether the device of this run computes what its CPU computes."""

from __future__ import annotations

import copy
from typing import Any, cast

import torch

from tilework.engine.autoencoder.model import Autoencoder
from tilework.engine.backend import REFERENCE, Backend, Case, measure
from tilework.engine.preflight import contract
from tilework.engine.preflight.bench import Bench
from tilework.engine.selftest import differences, tolerances
from tilework.runs.preflight import Result, Why
from tilework.runs.preflight.result import Value
from tilework.spec import AutoencoderSpec

SERIOUS = 10.0
"""So many tolerances apart, the run cannot be trusted."""


class Check(contract.Check):
    """One training step and one decode of a few images, on the run's device in its precision and on the CPU in float32 on one
    thread, part by part from the same input, as `tilework selftest` compares small models. A part that differs by more than its
    tolerance is a warning, by more than ten times that a failure.

    A run on the CPU is compared with the plainest way to compute there: one thread, float32, channels first. Where the run itself
    computes so, there is nothing to compare.
    """

    tasks = ("autoencoder",)
    order = 80
    seconds = 1.0

    def run(self, bench: Bench) -> Result:
        device, precision = bench.compute.device.type, cast(Any, bench.compute.precision)
        engine, threads = bench.spec.engine, 1 if bench.one_thread else bench.threads
        if device == "cpu" and (precision, threads, engine.channels_last) == ("float32", 1, False):
            self.not_checked(Why.NOTHING_TO_COMPARE)
        layout = torch.channels_last if engine.channels_last else torch.contiguous_format
        plain = _case(bench, torch.contiguous_format)
        wanted = measure(plain, REFERENCE, None)
        values: dict[str, Value] = {"device": device, "precision": precision, "threads": threads}
        backend = Backend(device, precision)
        worst, differing = self._compared(_case(bench, layout), backend, wanted, values)
        if worst <= 1:
            return self.passed(values)
        changes: dict[str, Any] = {"engine.device": "cpu"}
        if backend.reduced:
            whole, _ = self._compared(_case(bench, layout), Backend(device), wanted, {})
            changes = {"engine.precision": "float32"} if whole <= 1 else changes
        elif device == "cpu":
            changes = {"engine.threads": 1, "engine.channels_last": False}
        end = self.failed if worst > SERIOUS else self.warning
        return end("differs", values, differing, changes)

    def _compared(self, case: Case, backend: Backend, wanted: Any, values: dict[str, Value]) -> tuple[float, list[str]]:
        """How many tolerances the worst part is apart, and the parts that are more than one."""
        found, allowed = differences(measure(case, backend, wanted), wanted), tolerances(backend, case)
        for what, difference in found.items():
            values |= {f"difference.{what}": difference, f"tolerance.{what}": allowed[what]}
        parts = {what: difference / allowed[what] for what, difference in found.items()}
        return max(parts.values()), [what for what, part in parts.items() if not part <= 1]


def _case(bench: Bench, layout: torch.memory_format) -> Case:
    """The run's model and a few of its images, on the CPU."""
    model = copy.deepcopy(cast(Autoencoder, bench.base.model)).cpu().to(memory_format=layout)
    return Case(cast(AutoencoderSpec, bench.spec), model, bench.pace.few.images.cpu().contiguous(memory_format=layout))
