"""The benchmark of sharp loops trains, measures, draws its sheets and writes a row. No figure is judged."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import children
import numpy as np
import pytest
from PIL import Image


def test_blur_grid_and_noise_are_seen(benchmarks: Path) -> None:
    from sharp_loops import jumps

    rng = np.random.default_rng(0)
    smooth = np.cumsum(rng.normal(0, 0.01, (6, 32, 32, 1)), axis=2).astype(np.float32)
    assert jumps(smooth, 4) == pytest.approx(1, abs=0.15)
    printed = smooth + 0.1 * (np.arange(32) // 4 % 2)[:, None].astype(np.float32)
    assert jumps(printed, 4) > 2


def test_every_claim_is_explained_on_the_page(benchmarks: Path) -> None:
    from sharp_loops import CLAIMS, SIDES, value

    page = (benchmarks.parent / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    run = {"held_out": {"psnr": 26.5, "detail": 0.92}, "seconds": 500.0}
    for name, (side, figure, path, target) in CLAIMS.items():
        assert f"**{name}**" in page
        assert side in SIDES
        assert (value(run, path) >= target) == (figure != "s")


def test_a_run_that_is_kept_is_not_repeated_and_makes_rows(benchmarks: Path, tmp_path: Path) -> None:
    from harness.report import figure_text, target_text, verdict
    from sharp_loops import kept, rows, write

    figures = {"psnr": 27.25, "detail": 0.8, "grid": 1.0}
    common = {
        "seed": 0,
        "steps": 9,
        "seconds": 300.0,
        "cpu_seconds": 550.0,
        "drawing_seconds": 60.0,
        "tokens": 256,
        "bits": 2304,
    }
    runs = [{"side": "p5-sharp", **common, "held_out": figures, "unseen": figures}]
    write(tmp_path / "sharp.json", runs)
    assert kept(tmp_path / "sharp.json") == runs
    found = rows(runs)
    assert set(found) == {"sharp-unseen", "sharp-unseen-detail", "sharp-seconds"}
    verdicts = {name: (figure_text(row), target_text(row), verdict(row)) for name, row in found.items()}
    assert verdicts["sharp-unseen"] == ("27.2 dB (27.2 to 27.2)", "at least 26 dB", "PASS")
    assert verdicts["sharp-unseen-detail"][1:] == ("at least 0.9 of the originals'", "FALLS SHORT")
    assert verdicts["sharp-seconds"] == ("300 s (300 to 300)", "at most 600 s", "PASS")


@pytest.mark.slow
def test_it_trains_and_draws_sheets(benchmarks: Path, tmp_path: Path) -> None:
    output, sheets = tmp_path / "sharp.json", tmp_path / "sheets"
    command = [
        sys.executable,
        str(benchmarks / "sharp_loops.py"),
        "--tiny",
        "--seeds",
        "1",
        "--cores",
        "1",
        "--only",
        "p5-sharp",
    ]
    done = children.run([*command, "--output", str(output), "--sheets", str(sheets)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(output.read_text())
    assert [run["side"] for run in found["runs"]] == ["p5-sharp"]
    assert found["runs"][0]["tokens"] == 16
    assert found["comparisons"]["sharp-unseen"]["seeds"] == 1
    for kind in ("held-out", "unseen"):
        with Image.open(sheets / f"p5-sharp-{kind}.png") as sheet:
            assert sheet.height == 2 * 16 * 3
