"""The live display: what it shows before the first step, and how fast it shows a run to be."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from tilework.cli.display import AVERAGED_SECONDS, Display
from tilework.engine.progress import Plan, Tick
from tilework.runs.folder import RunFolder
from tilework.spec import load_spec


def plan(recipe: str, resumed_at: int = 0) -> Plan:
    run = RunFolder(Path("runs") / f"{recipe}-quiet-fox")
    model = {"bottleneck": "rq", "grid": [1, 1], "levels": 2, "codes": 16}
    return Plan(run, load_spec(recipe), 900, 100, 1000, 10, model, 42, "cpu", "float32", 1, resumed_at)


def test_codes_in_use_are_shown_level_by_level() -> None:
    out = io.StringIO()
    display = Display(Console(file=out, width=200))
    display.started(plan("rqvae-digits"))
    display._quiet_since = -1e9
    values = {"loss": 1.0, "used.1": 12.0, "perplexity.1": 9.5, "used.2": 3.0, "perplexity.2": 2.25}
    display.ticked(Tick(10, 1.0, 50.0, values))
    assert "level 1 12/16 (perplexity 9.5)   level 2 3/16 (perplexity 2.2)" in out.getvalue()


@pytest.mark.parametrize("resumed_at", [0, 400])
def test_the_speed_is_a_mean_over_the_last_minute(resumed_at: int) -> None:
    display = Display(Console(file=io.StringIO(), width=200))
    now = 1000.0
    display._bar.get_time = lambda: now  # type: ignore[method-assign]
    display.started(plan("vae-digits", resumed_at))
    # 100 steps in two seconds, then a held-out pass of eight, and so on: ten steps a second in the long run.
    step, shown = resumed_at, []
    for _ in range(12):
        now += 2
        step += 50
        display.ticked(Tick(step, 1.0, 50.0, {"loss": 1.0}))
        now += 8
        step += 50
        display.ticked(Tick(step, 1.0, 6.25, {"loss": 1.0}))
        shown.append(float(display._bar.tasks[0].fields["rate"].split()[0]))
    assert AVERAGED_SECONDS == 60
    assert all(8.5 < rate < 12 for rate in shown[5:]), shown
