"""A studio and a trainer for each test."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.trainer import FakeTrainer
from studio_fakes import Served, serving

from tilework.runs.lock import holder


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "runs"
    folder.mkdir()
    yield folder
    # Runs outlive the studio that began them; those of a test that failed half way must not outlive the test.
    for run in folder.iterdir():
        who = holder(run)
        if who is not None and who.pid not in {None, os.getpid()}:
            with contextlib.suppress(OSError):
                os.kill(who.pid, signal.SIGKILL)


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
