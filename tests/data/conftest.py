from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for data_fakes


@pytest.fixture(autouse=True)
def _own_cache(_own_folders: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these tests has a cache to itself: they count what is made and damage what is kept."""
    monkeypatch.setenv("TILEWORK_CACHE", str(tmp_path / "cache"))
