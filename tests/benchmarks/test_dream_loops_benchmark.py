"""The benchmark of dreamed loops dreams, measures, draws its sheets and writes rows. No figure is judged."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dreamt import trained_prior
from PIL import Image

from tilework.dream.loops import LoopReport, Measures


def test_every_claim_is_explained_on_the_page(benchmarks: Path) -> None:
    from dream_loops import CLAIMS
    from harness.report import UNITS

    page = (benchmarks.parent / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for name, (figure, _) in CLAIMS.items():
        assert f"**{name}**" in page
        assert figure in UNITS


def test_outside_is_counted_in_widths_of_the_spread(benchmarks: Path) -> None:
    from dream_loops import outside

    training = tuple(Measures(1.0, energy, 0.5) for energy in (0.1, 0.3))

    def of(energy: float) -> float:
        return float(outside(LoopReport((Measures(1.0, energy, 0.5),), (), training), "energy"))

    assert of(0.2) == 0
    assert of(0.4) == pytest.approx(0.5)
    assert of(0.0) == pytest.approx(0.5)


def test_a_run_is_dreamed_and_measured(
    benchmarks: Path, once: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dream_loops

    shutil.copytree(trained_prior(once).path.parent, tmp_path / "runs")
    run = tmp_path / "runs" / trained_prior(once).id
    words = [
        str(run),
        "--count",
        "2",
        "--steps",
        "2",
        "--sheets",
        str(tmp_path / "sheets"),
        "--output",
        str(tmp_path / "out.json"),
    ]
    monkeypatch.setattr(sys, "argv", ["dream_loops.py", *words])
    monkeypatch.setattr("harness.machine.keep_to_cores", lambda cores: None)
    assert dream_loops.main() == 0
    rows = json.loads((tmp_path / "out.json").read_text())["comparisons"]
    assert set(rows) == set(dream_loops.CLAIMS) - {"loops-seconds"}
    for name in ("loops.png", "training.png", "loops.gif"):
        with Image.open(tmp_path / "sheets" / name) as image:
            assert image.width > 100


def test_the_seam_is_ranked_among_the_other_steps(benchmarks: Path) -> None:
    from dream_loops import rank_of_seam

    frames = np.zeros((5, 4, 4, 1), np.uint8)
    frames[:] = np.array([0, 10, 20, 30, 40]).reshape(5, 1, 1, 1)  # back from 40 to 0: the largest step
    assert rank_of_seam(frames) == 1
    frames[:] = np.array([0, 40, 90, 45, 2]).reshape(5, 1, 1, 1)
    assert rank_of_seam(frames) == 0
