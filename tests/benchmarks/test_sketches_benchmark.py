"""The benchmark of drawing sketches runs against an earlier revision and writes a row. No figure is judged."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import children
import pytest

ROOT = Path(__file__).resolve().parents[2]
DOUBLE = ROOT / "tests" / "data" / "p5_double.js"


@pytest.mark.slow
def test_two_sketches_on_both_sides(tmp_path: Path) -> None:
    pytest.importorskip("playwright.sync_api", reason="sketches need Playwright")
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"))):
        pytest.skip("there is no Chromium here to draw sketches with")
    if children.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True).returncode:
        pytest.skip("there is no history here to take an earlier revision from")
    output = tmp_path / "sketches.json"
    command = [
        sys.executable,
        str(ROOT / "benchmarks" / "sketches.py"),
        "HEAD",
        "--tiny",
        "--pairs",
        "1",
        "--cores",
        "1",
    ]
    done = children.run([*command, "--p5", str(DOUBLE), "--output", str(output)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = json.loads(output.read_text())["comparisons"]
    for name in ("drawing-sketches", "drawing-many-sketches"):
        assert rows[name]["ours"]["images"] == rows[name]["peer"]["images"] == 12, name
        assert rows[name]["figure"] == "speedup"
