"""The benchmark of preparing images runs and writes rows that the page can show. No figure is judged."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import children
import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(tmp_path: Path, *arguments: str) -> dict[str, dict]:
    output = tmp_path / "results" / "data_preparing.json"
    command = [sys.executable, str(ROOT / "benchmarks" / "data_preparing.py"), "--tiny", "--pairs", "1", "--cores", "1"]
    done = children.run([*command, "--output", str(output), *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(output.read_text())["comparisons"]


def test_jpegs_and_memory(tmp_path: Path) -> None:
    rows = run(tmp_path, "--only", "jpegs,array,memory")
    assert set(rows) == {"preparing-jpegs", "preparing-array", "preparing-memory"}
    for row in (rows["preparing-jpegs"], rows["preparing-array"]):
        assert row["ours"]["images"] == row["peer"]["images"] == 24
        assert row["figure"] == "speedup"
    assert rows["preparing-memory"]["figure"] == "MiB"
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        import render
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))
    assert "preparing-memory" in render.block(tmp_path / "results")


@pytest.mark.skipif(importlib.util.find_spec("cv2") is None, reason="needs OpenCV: uv sync --group bench")
def test_clips(tmp_path: Path) -> None:
    row = run(tmp_path, "--only", "clips")["preparing-clips"]
    assert row["ours"]["images"] == row["peer"]["images"] == 24
