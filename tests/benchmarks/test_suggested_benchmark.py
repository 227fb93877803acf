"""The benchmark of proposals trains both sides, keeps its runs and makes rows. No figure is judged."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from image_folders import clip, photos


def run(name: str, side: str, mse: float, seed: int = 0) -> dict[str, Any]:
    return {"set": name, "side": side, "seed": seed, "mse": mse, "psnr": 20.0, "bits": 2560, "steps": 9, "seconds": 600.0,
            "tokens": 256}  # fmt: skip


def test_every_claim_is_explained_on_the_page(benchmarks: Path) -> None:
    page = (benchmarks.parent / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    from suggested import CLAIMS

    for name in CLAIMS:
        assert f"**{name}**" in page


def test_the_proposal_is_judged_by_the_best_recipe(benchmarks: Path) -> None:
    import suggested as script
    from harness.report import figure_text, target_text, verdict

    runs = [
        run("flowers", "proposal", 0.009),
        run("flowers", "vq-photos", 0.010),
        run("flowers", "p5-sharp-colour", 0.020),
    ]
    found = script.rows(runs)
    assert set(found) == {"suggested-flowers"}
    row = found["suggested-flowers"]
    assert row["value"]["median"] == pytest.approx(0.9)
    assert "vq-photos" in row["peer"]["text"]
    assert verdict(row) == "PASS"
    assert "of the recipe's error" in figure_text(row) + target_text(row)
    runs += [run("emoji", "proposal", 0.0099), run("emoji", "vq-photos", 0.010)]
    assert verdict(script.rows(runs)["suggested-second"]) == "FALLS SHORT"
    runs[-2]["mse"] = 0.0094
    assert verdict(script.rows(runs)["suggested-second"]) == "PASS"
    assert set(script.rows([run("emoji", "proposal", 1.0)])) == set()


def test_schedules_end_with_the_time(benchmarks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import suggested as script

    from tilework.spec.load import parse_spec, read_yaml, recipe_text

    seen: Any = type("Seen", (), {"images": ()})()
    monkeypatch.setattr(script, "step_seconds", lambda spec, images: 0.1)
    for name in ("vq-photos", "p5-loops"):
        spec: Any = parse_spec(script.fitted(read_yaml(recipe_text(name), name), seen, 10), name)
        assert spec.engine.steps == 5520
        assert spec.engine.early_stopping is None
        assert spec.optimizer.lr.length is None or spec.optimizer.lr.length.amount == 5520


@pytest.mark.slow
def test_it_trains_all_sides(benchmarks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos(tmp_path / "data" / "flowers", 30, labels=2)
    clip(tmp_path / "data" / "games" / "a.mp4", 30, 64, 36)
    import suggested as script

    monkeypatch.setattr("harness.machine.keep_to_cores", lambda cores: None)
    monkeypatch.setattr("tilework.suggest.pace.step_seconds", lambda spec, images: 0.05)
    output = tmp_path / "suggested.json"
    words = [
        "--data",
        str(tmp_path / "data"),
        "--tiny",
        "--only",
        "flowers",
        "--only",
        "clips",
        "--output",
        str(output),
    ]
    monkeypatch.setattr(sys, "argv", ["suggested.py", *words])
    assert script.main() == 0
    kept = json.loads(output.read_text())
    assert {(one["set"], one["side"]) for one in kept["runs"]} == {
        (name, side) for name in ("flowers", "clips") for side in ("proposal", *script.SETS[name].recipes)
    }
    assert set(kept["comparisons"]) == {"suggested-flowers", "suggested-clips", "suggested-second"}
    assert script.main() == 0
    assert json.loads(output.read_text())["runs"] == kept["runs"]
