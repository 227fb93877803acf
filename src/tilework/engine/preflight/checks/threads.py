"""Whether the threads of this run help each other."""

from __future__ import annotations

import os

import psutil

from tilework.engine.preflight import contract
from tilework.engine.preflight.bench import Bench
from tilework.engine.preflight.counted import on_threads
from tilework.engine.preflight.pace import timed
from tilework.runs.preflight import Result, Why

FASTER = 1.25
"""So many times as fast must one thread be."""
ROUNDS, MOST_SECONDS = 3, 1.2


class Check(contract.Check):
    """A step is timed with all threads of the run and with one, in turns, and the fastest of each is compared.

    Threads of one step wait for each other, and on a core that something else uses they wait long: two of them can be ten
    times slower than one. Where one thread is 1.25 times as fast or more, that is a warning; the checks that follow then use
    one thread.
    """

    order = 10

    def run(self, bench: Bench) -> Result:
        if bench.compute.device.type != "cpu":
            self.not_checked(Why.ON_A_GPU)
        if bench.threads == 1:
            self.not_checked(Why.ONE_THREAD)
        all_of_them, one = _seconds(bench)
        values = {
            "threads": bench.threads,
            "steps_per_second": 1 / all_of_them,
            "steps_per_second_one": 1 / one,
            "cores": psutil.cpu_count() or 1,
            "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan"),
        }
        if all_of_them < FASTER * one:
            return self.passed(values)
        bench.one_thread = True
        return self.warning("one-is-faster", values, changes={"engine.threads": 1})


def _seconds(bench: Bench) -> tuple[float, float]:
    """Of a step with the run's threads, and with one."""
    trial, batch = bench.trial(), bench.pace.few
    found: dict[int | None, list[float]] = {None: [], 1: []}
    for number in range(ROUNDS + 1):
        for threads, seconds in found.items():
            with on_threads(threads):
                took = timed(trial, batch, bench.lr)
            if number:  # the first round warms up
                seconds.append(took)
        if number and sum(map(sum, found.values())) > MOST_SECONDS:
            break
    return min(found[None]), min(found[1])
