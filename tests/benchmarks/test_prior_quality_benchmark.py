"""The benchmark of priors on real sets trains, draws, judges and is rendered. No figure is judged."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest


def test_it_runs_and_a_second_call_repeats_no_run(
    benchmarks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if importlib.util.find_spec("prdc") is None:
        monkeypatch.setitem(sys.modules, "prdc", _Counted())
    import prior_quality

    monkeypatch.setattr("harness.machine.keep_to_cores", lambda cores: None)
    output = tmp_path / "out.json"
    words = ["--only", "mnist", "--tiny", "--samples", "20", "--runs", str(tmp_path / "runs"), "--output", str(output)]
    monkeypatch.setattr(sys, "argv", ["prior_quality.py", *words])
    assert prior_quality.main() == 0
    priors = json.loads(output.read_text())["priors"]
    assert set(priors) == {"mnist gpt-prior", "mnist masked-prior"}
    for one in priors.values():
        assert one["coding.uniform"] == pytest.approx(4)  # 16 codes
        assert 0 <= one["classifier"]["samples"] <= 1
        assert set(one["prdc"]) == {"samples", "held_out", "held_out_as_tokens"}
    runs = sorted((tmp_path / "runs").iterdir())
    assert prior_quality.main() == 0
    assert sorted((tmp_path / "runs").iterdir()) == runs

    from render import drawn

    table = drawn(tmp_path)
    assert table == []
    output.rename(tmp_path / "prior_quality.json")
    table = drawn(tmp_path)
    assert table[-1].startswith("| mnist masked-prior | **")
    assert "read as asked" in table[-1]


def test_the_classifier_learns_digits(benchmarks: Path) -> None:
    from sides.digit_classifier import answers, features, fitted
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.kron(digits.images / 16 * 255, np.ones((3, 3))).astype(np.uint8)
    images = np.pad(images, ((0, 0), (2, 2), (2, 2)))[..., None]
    labels = digits.target.astype(np.int64)
    judge = fitted(images[:1400], labels[:1400], 6)
    assert (answers(judge, images[1400:]) == labels[1400:]).mean() > 0.85
    assert features(judge, images[:7]).shape == (7, 64)


class _Counted:
    """In the place of the package where it is not installed: its function, reporting how many features it was given."""

    @staticmethod
    def compute_prdc(real: np.ndarray, fake: np.ndarray, nearest_k: int) -> dict[str, float]:
        return dict.fromkeys(("precision", "recall", "density", "coverage"), float(len(real) == len(fake)))
