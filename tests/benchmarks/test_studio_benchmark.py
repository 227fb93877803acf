"""The studio's benchmarks run end to end with tiny settings. Their figures mean nothing here."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import children
import pytest

from tilework.studio import page_files

ROOT = Path(__file__).resolve().parents[2]

needs_browser = pytest.mark.skipif(
    not (os.environ.get("TILEWORK_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome"))
    or not page_files.built(),
    reason="no Chromium here (TILEWORK_CHROMIUM), or the studio's page was not built",
)


def run(script: str, folder: Path, *arguments: str) -> dict[str, Any]:
    """Run one of the scripts; its rows."""
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    output = folder / "results.json"
    command = [sys.executable, str(ROOT / "benchmarks" / script), "--output", str(output), *arguments]
    done = children.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "fault in the page" not in done.stderr
    rows: dict[str, Any] = json.loads(output.read_text())["comparisons"]
    for row in rows.values():
        assert {"claim", "figure", "target", "value", "date", "machine"} <= row.keys()
    return rows


@needs_browser
@pytest.mark.slow
def test_frames_are_counted_while_a_run_trains(tmp_path: Path) -> None:
    rows = run("studio_live.py", tmp_path, "--only", "digits", "--pairs", "1", "--seconds", "1", "--warm", "0.1")
    assert set(rows) == {"live-digits-drawn", "live-digits-data", "live-digits-steps"}
    assert all(row["value"]["median"] > 0 for row in rows.values())
    assert rows["live-digits-data"]["value"]["median"] <= rows["live-digits-drawn"]["value"]["median"]


@needs_browser
@pytest.mark.slow
def test_memory_is_read_over_a_run_in_compressed_time(tmp_path: Path) -> None:
    rows = run("studio_soak.py", tmp_path, "--seconds", "8", "--hours", "0.02")
    assert set(rows) == {"soak-server", "soak-heap", "soak-buffers", "soak-page", "soak-nodes"}
    assert rows["soak-heap"]["frames"] > 10
    assert all(min(row["samples"]) > 0 for row in rows.values())


@needs_browser
@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "arguments", "rows"),
    [
        ("studio_latency.py", ["--pairs", "2"], {"slider-steps", "slider-note", "slider-timeline", "slider-chart"}),
        (
            "explore_latency.py",
            ["--pairs", "1", "--seconds", "0.3", "--large", "32"],
            {"explore-left", *(f"explore-{m}-{f}" for m in ("small", "large") for f in ("answer", "rate", "rest"))},
        ),
        ("studio_page.py", ["--pairs", "1"], {"page-live", "page-list", "page-bytes"}),
        ("studio_share.py", ["--pairs", "1", "--seconds", "1", "--warm", "25"], {"share-cpu", "share-wall"}),
        ("studio_slowdown.py", ["--pairs", "1", "--seconds", "2"], {"slowdown-viewer", "slowdown-idle"}),
    ],
)
def test_the_longer_ones(script: str, arguments: list[str], rows: set[str], tmp_path: Path) -> None:
    assert set(run(script, tmp_path, *arguments)) == rows


@needs_browser
@pytest.mark.slow
def test_beside_the_peer(tmp_path: Path) -> None:
    pytest.importorskip("gradio", reason="gradio is not installed (group bench)")
    rows = run("studio_peer.py", tmp_path, "--pairs", "1", "--seconds", "2")
    assert set(rows) == {"view-updates", "view-slowdown"}


def test_figures_in_plain_units_are_judged_and_written(benchmarks: Path) -> None:
    from harness.report import figure_text, reached, speed_text, target_text

    drawn = {"figure": "per second", "target": 50.0, "value": {"median": 51.25, "min": 49.0, "max": 60.0}}
    assert reached(drawn)
    assert (figure_text(drawn), target_text(drawn)) == ("51.2/s (49 to 60)", "at least 50/s")
    late = {"figure": "ms", "target": 100.0, "value": {"median": 60.0, "min": 20.0, "max": 1200.0, "judged": 110.0}}
    assert not reached(late), "what is judged is the 95th percentile, not the median"
    assert (figure_text(late), target_text(late)) == ("60 ms (20 to 1,200, p95 110)", "at most 100 ms")
    idle = {"figure": "overhead", "target": 0.005, "value": {"median": 0.004, "min": -0.01, "max": 0.02}}
    assert target_text(idle) == "under 0.5%"
    assert speed_text({"text": "57 steps/s"}) == "57 steps/s"


def test_percentile_is_a_value_that_was_measured(benchmarks: Path) -> None:
    from studio_latency import percentile

    assert percentile([3.0, 1.0, 2.0], 95) == 3.0
    assert percentile(list(range(1, 101)), 95) == 95
    assert percentile([7.0], 50) == 7.0


def test_added_time_is_against_the_run_alone_of_the_same_round(benchmarks: Path) -> None:
    import argparse

    from studio_slowdown import compared

    rounds = [
        {"alone": {"steps": 60.0, "data": 0.0}, "viewer": {"steps": 50.0, "data": 20.0}},
        {"alone": {"steps": 30.0, "data": 0.0}, "viewer": {"steps": 30.0, "data": 22.0}},
        {"alone": {"steps": 44.0, "data": 0.0}, "viewer": {"steps": 40.0, "data": 21.0}},
    ]
    row = compared("viewer", rounds, 100, argparse.Namespace(warm=10, seconds=2.0))
    assert row["value"] == {"median": pytest.approx(0.1), "min": 0.0, "max": pytest.approx(0.2)}
    assert row["ours"]["text"] == "40.0 steps/s, 21.0 frames/s"
