"""Small models that were really trained, once for the whole test run, and opened with their images."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from explored import spec_of

from tilework.explore.opened import Opened, open_model
from tilework.runs.folder import RunFolder


@pytest.fixture
def explored_run(once: Callable[..., Path]) -> Callable[[str], RunFolder]:
    """The trained run of a bottleneck (explored.KINDS), shared by all tests. Who changes it takes `own_run`."""

    def get(kind: str) -> RunFolder:
        import tilework

        return RunFolder.find(
            "last", once(f"explored-{kind}", lambda folder: tilework.train(spec_of(kind), runs=folder))
        )

    return get


@pytest.fixture
def own_run(explored_run: Callable[[str], RunFolder], tmp_path: Path) -> Callable[[str], RunFolder]:
    """A copy of a trained run in the test's own folder of runs."""

    def get(kind: str) -> RunFolder:
        run = explored_run(kind)
        return RunFolder(Path(shutil.copytree(run.path, tmp_path / "runs" / run.id)))

    return get


@pytest.fixture
def opened(explored_run: Callable[[str], RunFolder]) -> Callable[[str], Opened]:
    """A trained model, opened on the CPU with its images."""
    return lambda kind: open_model(explored_run(kind), device="cpu")
