"""The table of injected faults counts what the kept results hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def judged(first: str, right: bool, mse: float | None, **more: Any) -> dict[str, Any]:
    findings = [[first, "warning", None]] if first else []
    about = {"base": "vq", "shows_early": True, "first": first, "right": right, "early": right}
    return {**about, "findings": findings, "mse": mse, **more}


def test_right_early_fixed_and_peers_are_counted(benchmarks: Path, tmp_path: Path) -> None:
    from harness.fault_table import kept, table

    usual = ["TA200", "warn"]
    peers = {
        "torchmortem": {"may": ["loss_dynamics"], "findings": [["loss_dynamics", "critical"]]},
        "torch-audit": {"may": ["TA100"], "findings": [usual]},
    }
    sound = {"torchmortem": {"may": [], "findings": []}, "torch-audit": {"may": [], "findings": [usual]}}
    runs = {
        "healthy vq digits 0": judged("", False, 0.010, peers=sound),
        "healthy vq digits 1": judged("blur", False, 0.010),
        "spikes digits 0": judged("loss-spiking", True, 0.05, peers=peers),
        "spikes digits 1": judged("blur", False, 0.05),
        "spikes digits 0 fixed": judged("", False, 0.0109),
        "spikes digits 1 fixed": judged("", False, 0.0111),
        "spikes digits 0 new seed": judged("", False, None),
    }
    (tmp_path / "faults.json").write_text(json.dumps({"runs": runs}))
    lines = table(kept(tmp_path / "faults.json"))
    (row,) = (line for line in lines if line.startswith("| spikes"))
    counts = "blur, loss-spiking | 1 of 2 | 1 of 2 | 1 of 2 | - | 0 of 1 | 1 of 1 (loss_dynamics) | 0 of 1 (nothing)"
    assert row == f"| spikes | {counts} |"
    (everything,) = (line for line in lines if line.startswith("| **all**"))
    assert "1 of 2 (50%) | 1 of 2 (50%) | 1 of 2 (50%) | - | 0 of 1 (0%)" in everything
    assert "torch-audit on healthy runs: a warning or more in 1 of 1 (100%)." in lines
    assert any("1 of 2 (50%): vq digits 1 (blur)." in line for line in lines)


def test_nothing_kept_makes_no_table(benchmarks: Path, tmp_path: Path) -> None:
    from harness.fault_table import kept, table

    assert table(kept(tmp_path / "faults.json")) == []


def test_a_fault_with_a_healthy_run_of_its_own_is_compared_with_that(benchmarks: Path) -> None:
    from harness.fault_table import recovered

    runs = {
        "healthy vq digits 0": judged("", False, 0.010),
        "healthy range digits 0": judged("", False, 0.020),
        "range digits 0": judged("perceptual-range", True, 0.05),
        "spikes digits 0": judged("loss-spiking", True, 0.05),
    }
    fixed = judged("", False, 0.021)
    assert recovered("range digits 0 fixed", fixed, runs)
    assert not recovered("spikes digits 0 fixed", fixed, runs)
