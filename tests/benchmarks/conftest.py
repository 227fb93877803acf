from __future__ import annotations

from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The benchmarks folder, from which its scripts import each other."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return BENCHMARKS
