"""The benchmark of the guard runs, and its faults do harm. No figure is judged."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import children
import pytest


def measured(benchmarks: Path, out: Path, *arguments: str) -> dict[str, dict[str, object]]:
    command = [sys.executable, str(benchmarks / "guard.py"), "--tiny", "--cores", "1", "--output", str(out), *arguments]
    done = children.run(command, warm=True, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(out.read_text())["comparisons"]


def test_runs_with_faults_are_compared_with_clean_ones(benchmarks: Path, tmp_path: Path) -> None:
    from harness.faults import FAULTS

    rows = measured(benchmarks, tmp_path / "guard.json", "--only", "faults", "--runs", "2", "--seeds", "1")
    runs = rows["guard-faults"]["runs"]
    assert isinstance(runs, list)
    assert [run["finite"] for run in runs] == [True] * 2
    assert {run["fault"] for run in runs} <= set(FAULTS)
    assert {"guard-faults", "guard-error"} == set(rows)
    from render import block

    page = block(tmp_path)
    assert all(f"| {name} |" in page for name in rows)


@pytest.mark.slow
def test_killed_runs_and_the_cost_are_measured(benchmarks: Path, tmp_path: Path) -> None:
    rows = measured(benchmarks, tmp_path / "guard.json", "--only", "kills,cost", "--blocks", "2")
    assert rows["guard-kills"]["value"]["median"] == rows["guard-kills"]["target"] == 3  # type: ignore[index]
    for name in ("guard-system1", "guard-system3", "guard-system5"):
        assert len(rows[name]["share"]) == 2  # type: ignore[arg-type]
        assert all(0 < share < 1 for share in rows[name]["share"])  # type: ignore[attr-defined]
