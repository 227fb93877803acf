"""The benchmarks of quantisers run, on shapes that measure nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import children
import pytest

pytest.importorskip("vector_quantize_pytorch")


def run(script: Path, *arguments: str) -> str:
    done = children.run(
        [sys.executable, str(script), *arguments], warm=True, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_quantizer(benchmarks: Path, tmp_path: Path) -> None:
    out = tmp_path / "quantizer.json"
    run(benchmarks / "quantizer.py", "--tiny", "--pairs", "1", "--output", str(out))
    found = json.loads(out.read_text())["comparisons"]
    assert set(found) == {"step-32", "step-64", "step-all", "search-32", "search-64", "residual", "memory"}
    for name, row in found.items():
        assert row["value"]["min"] <= row["value"]["median"] <= row["value"]["max"], name
        assert row["machine"]["cores"] >= 1
    from render import block

    page = block(tmp_path)
    assert all(f"| {name} |" in page for name in found)


@pytest.mark.slow
def test_learning_on_two_quantisers(benchmarks: Path, tmp_path: Path) -> None:
    out = tmp_path / "learning.json"
    arguments = [
        "--sets",
        "loops",
        "--configs",
        "vq,peer-default",
        "--seeds",
        "1",
        "--steps",
        "2",
        "--output",
        str(out),
    ]
    first = run(benchmarks / "learning.py", *arguments)
    runs = json.loads(out.read_text())["runs"]
    assert [(r["config"], r["seed"]) for r in runs] == [("vq", 0), ("peer-default", 0)]
    assert all(0 < r["mse"] < 1 and 1 <= r["used"] <= 512 and r["tokens"] == 180 * 64 for r in runs)
    # What is kept is not trained again.
    assert run(benchmarks / "learning.py", *arguments) == first
    from render import block

    assert "| peer-default |" in block(tmp_path)
