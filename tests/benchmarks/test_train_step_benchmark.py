"""The training-step benchmark runs, writes what its page is made from, and compares what is the same. No figure is judged."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import children
import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("TILEWORK_DATA") or ROOT.parent / "shared" / "data")
LPIPS = DATA / "perceptual" / "lpips_squeeze_v0.1.npz"


def run(tmp_path: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], dict[str, dict]]:
    output = tmp_path / "results.json"
    command = [sys.executable, str(ROOT / "benchmarks" / "train_step.py"), "--tiny", "--pairs", "1", "--steps", "2"]
    command += ["--cores", "1"]  # more threads than free cores wait for each other far longer than they compute
    done = children.run([*command, "--output", str(output), *arguments], capture_output=True, text=True)
    rows = json.loads(output.read_text())["comparisons"] if output.is_file() else {}
    return done, rows


def check_row(row: dict) -> None:
    value = row["value"]
    assert value["min"] <= value["median"] <= value["max"]
    for side in (row["ours"], row["peer"]):
        assert side["images_per_second"] == pytest.approx(row["batch"] / (side["step_ms"] / 1000))
        assert side["peak_mib"] > 50
    assert row["ours"]["parameters"] == row["peer"]["parameters"]
    assert row["machine"]["torch"]
    assert row["machine"]["cores"] >= 1


@pytest.mark.slow
def test_overhead_and_plain_run_and_keep_each_other(tmp_path: Path) -> None:
    done, rows = run(tmp_path, "--only", "system1-overhead")
    assert done.returncode == 0, done.stderr
    assert "system1-overhead" in done.stdout
    done, rows = run(tmp_path, "--only", "system3")
    assert done.returncode == 0, done.stderr
    assert list(rows) == ["system1-overhead", "system3"]
    for row in rows.values():
        check_row(row)
    overhead, plain = rows.values()
    assert overhead["value"]["median"] == pytest.approx(
        overhead["ours"]["step_ms"] / overhead["peer"]["step_ms"] - 1, abs=1e-9
    )
    assert plain["value"]["median"] == pytest.approx(plain["peer"]["step_ms"] / plain["ours"]["step_ms"], rel=1e-9)


@pytest.mark.slow
def test_jax_side_has_the_same_network(tmp_path: Path) -> None:
    if any(importlib.util.find_spec(name) is None for name in ("jax", "flax", "optax")):
        pytest.skip("jax, flax or optax is not installed (uv sync --group bench)")
    done, rows = run(tmp_path, "--only", "system1-jax")
    assert done.returncode == 0, done.stderr
    check_row(rows["system1-jax"])
    assert rows["system1-jax"]["peer"]["parameters"] == 844_355


def test_a_missing_package_is_named_with_what_to_install(tmp_path: Path) -> None:
    hidden = tmp_path / "sitecustomize.py"  # makes jax impossible to find, whether it is installed or not
    hidden.write_text(
        "import importlib.util as u\nf = u.find_spec\nu.find_spec = lambda n, *a: None if n == 'jax' else f(n, *a)\n"
    )
    command = [sys.executable, str(ROOT / "benchmarks" / "train_step.py"), "--only", "system1-jax", "--check"]
    done = children.run(
        [*command, "--output", str(tmp_path / "results.json")],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert "system1-jax left out: jax" in done.stderr
    assert "not installed: run it as `uv run --group bench benchmarks/train_step.py`" in done.stderr
    assert not (tmp_path / "results.json").exists()


def test_tiny_results_never_replace_kept_ones() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "train_step.py"), "--tiny"]
    done = children.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "give --output FILE" in done.stderr


@pytest.mark.parametrize("name", ["system3", "system5", "system5-lpips"])
def test_same_numbers_as_the_plain_program(
    name: str, tmp_path: Path, benchmarks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name.endswith("lpips") and not LPIPS.is_file():
        pytest.skip(f"no LPIPS weights at {LPIPS} (set TILEWORK_DATA)")
    from same_numbers import TOLERANCE, compare

    monkeypatch.setenv("TILEWORK_CACHE", str(tmp_path / "cache"))
    found = compare(name, tmp_path, steps=3, tiny=True, lpips_weights=str(LPIPS))
    assert len(found.ours) == 3
    assert ("lpips" in found.ours[0]) == name.endswith("lpips")
    # Sums in another order: the first step is equal to rounding, each step enlarges it, and not alike on all processors.
    assert replace(found, ours=found.ours[:1], plain=found.plain[:1]).largest[0] < TOLERANCE
    assert found.largest[0] < 10 * TOLERANCE, found.largest
    # The state moves between the steps: agreement is not that of two models that stand still.
    assert found.plain[0]["mse"] != found.plain[2]["mse"]
