"""docs/benchmarks.md shows what the result files hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SIDE = {"images_per_second": 800.0, "step_ms": 160.0, "peak_mib": 512.4, "precision": "bf16"}


def row(figure: str, median: float, target: float) -> dict[str, object]:
    value = {"median": median, "min": median * 0.9, "max": median * 1.1}
    machine = {"cpu": "A processor", "cores": 2, "torch": "2.9", "jax": None}
    peer = {**SIDE, "images_per_second": 50.25, "precision": "float32"}
    return {
        "figure": figure, "target": target, "value": value, "ours": SIDE, "peer": peer, "pairs": 5, "steps": 20,
        "date": "2026-01-02", "machine": machine,
    }  # fmt: skip


def test_page_agrees_with_the_result_files(benchmarks: Path) -> None:
    from render import PAGE, rendered

    page = PAGE.read_text(encoding="utf-8")
    assert rendered(page) == page, "the page is out of date: uv run benchmarks/render.py"


def test_every_comparison_is_on_the_page(benchmarks: Path) -> None:
    from render import PAGE
    from train_step import COMPARISONS

    page = PAGE.read_text(encoding="utf-8")
    for name in COMPARISONS:
        assert f"**{name}**" in page
    from quantizer import SHAPES

    for _, _, codes in SHAPES:
        assert f"**step-{codes}**" in page
        assert f"**search-{codes}**" in page


def test_rows_are_read_from_the_files(benchmarks: Path, tmp_path: Path) -> None:
    from render import BEGIN, END, rendered

    empty = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert "No results are kept yet." in rendered(empty, tmp_path)
    comparisons = {
        "fast": row("speedup", 4.5, 4.0),
        "slow": row("speedup", 2.4, 2.5),
        "heavy": row("overhead", 0.061, 0.05),
        "light": row("overhead", 0.031, 0.05),
        "alike": {**row("difference", 2e-6, 1e-3), "ours": None, "peer": None, "pairs": 1},
    }
    (tmp_path / "steps.json").write_text(json.dumps({"benchmark": "steps", "comparisons": comparisons}))
    epoch = {
        "target": 20.0, "ratio": 25.0, "cores": 2, "python": "3.11",
        "medians": {n: {"seconds": s, "frames": 100, "peak_mib": 9.0} for n, s in (("a", 1.0), ("b", 25.0))},
        "runs": {"a": [{"seconds": 1.0}, {"seconds": 1.0}], "b": [{"seconds": 20.0}, {"seconds": 30.0}]},
    }  # fmt: skip
    (tmp_path / "data_delivery.json").write_text(json.dumps(epoch))
    page = rendered(empty, tmp_path)
    assert page.startswith("before\n")
    assert page.endswith("\nafter\n")
    assert "old" not in page
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in page.splitlines() if line.startswith("| ")}
    assert "| 4.50x (4.05 to 4.95) | at least 4x | PASS | 512 MiB / 512 MiB |" in lines["fast"]
    assert "| 800 images/s, 160.0 ms | 50.2 images/s, 160.0 ms |" in lines["fast"]
    assert "| FALLS SHORT |" in lines["slow"]
    assert "| +6.1% (+5.5% to +6.7%) | under 5% | FALLS SHORT |" in lines["heavy"]
    assert "| PASS |" in lines["light"]
    assert "| 2.0e-06 | under 1e-03 | PASS | - |" in lines["alike"]
    assert "| 100 images/s | 4.0 images/s | 25.00x (20.00 to 30.00) | at least 20x | PASS |" in lines["data-delivery"]
    assert (
        "fast, slow, heavy, light: 2026-01-02, A processor, 2 cores, torch 2.9, tilework in bf16, 5 pairs of 20 steps."
        in page
    )
    assert rendered(page, tmp_path) == page


def test_a_page_without_marks_is_refused(benchmarks: Path, tmp_path: Path) -> None:
    from render import rendered

    with pytest.raises(ValueError, match="has no lines"):
        rendered("no marks here", tmp_path)
