"""A studio and a trainer for each test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from studio_fakes import FakeTrainer, Served, serving


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def served(root: Path) -> Iterator[Served]:
    with serving(root) as found:
        yield found


@pytest.fixture
def trainer(root: Path) -> Iterator[FakeTrainer]:
    found = FakeTrainer(root)
    yield found
    with contextlib.suppress(Exception):
        found.end()
