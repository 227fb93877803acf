"""What all tests share: nothing is written outside the test's own folder, and nothing talks to a network."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from commands import SMALL, Outcome, data_folder

if TYPE_CHECKING:
    from tilework.runs.folder import RunFolder

pytest_plugins = ["children"]
# One process of the test run uses one core; two of them (and the trainings they start) then do not fight.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs go to the test's folder; prepared pictures to one cache for the whole test run."""
    shared = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setenv("TILEWORK_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("TILEWORK_DATA_SETS", str(tmp_path / "sets"))
    if "TILEWORK_CACHE" not in os.environ:
        monkeypatch.setenv("TILEWORK_CACHE", str(shared))


@pytest.fixture
def real_data() -> Path:
    """The folder of real pictures; skips, saying so, where it is absent."""
    found = data_folder()
    if found is None:
        pytest.skip("no real pictures here: set TILEWORK_DATA to a folder with MNIST, flowers, emoji and lpips weights")
    return found


@pytest.fixture
def tilework(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run a `tilework` command in this process, through the same entry point as the shell's."""
    from tilework.cli import main

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr("sys.argv", ["tilework", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "200")
        capfd.readouterr()
        code = 0
        try:
            main()
        except SystemExit as exit_:
            code = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
        return Outcome(code, *capfd.readouterr())

    return run


@pytest.fixture
def small_run(tilework: Callable[..., Outcome]) -> RunFolder:
    """A finished little run of the demo's recipe."""
    from tilework.runs.folder import RunFolder

    done = tilework("train", "rqvae-digits", *SMALL)
    assert done.code == 0, done.err
    return RunFolder.find("last")
