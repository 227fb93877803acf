"""What all tests share: nothing is written outside the test's own folder, and nothing talks to a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import types
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from commands import SMALL, Outcome, data_folder
from hypothesis import HealthCheck, settings
from warm import begin

from tilework.locks import FileLock

if TYPE_CHECKING:
    from tilework.runs.folder import RunFolder

pytest_plugins = ["children"]
# One process of the test run uses one core; two of them (and the trainings they start) then do not fight.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
# Hundreds of tiny runs would each be checked for seconds; tests of the checks themselves switch them on.
os.environ.setdefault("TILEWORK_PREFLIGHT", "0")
# And each be probed at its end.
os.environ.setdefault("TILEWORK_PROBES", "0")
# How long an input takes to make means nothing on a machine with much else to do.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for the whole test run, which all its workers share."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "common"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def once(common: Path) -> Callable[[str, Callable[[Path], object]], Path]:
    """A folder of this name that is filled once for the whole test run. Who changes what is in it changes a copy."""

    def get(name: str, fill: Callable[[Path], object]) -> Path:
        with FileLock(common / f"{name}.lock"):
            if not (common / name).exists():
                shutil.rmtree(common / f"{name}.part", ignore_errors=True)
                (common / f"{name}.part").mkdir()
                fill(common / f"{name}.part")
                (common / f"{name}.part").rename(common / name)
        return common / name

    return get


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, common: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs go to the test's folder; prepared images to one cache for the whole test run."""
    shared = common / "cache"
    monkeypatch.setenv("TILEWORK_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("TILEWORK_DATA_SETS", str(tmp_path / "sets"))
    if "TILEWORK_CACHE" not in os.environ:
        monkeypatch.setenv("TILEWORK_CACHE", str(shared))


@pytest.fixture
def real_data() -> Path:
    """The folder of real images; skips, with the reason, where it is absent."""
    found = data_folder()
    if found is None:
        pytest.skip("no real images here: set TILEWORK_DATA to a folder with MNIST, flowers, emoji and lpips weights")
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
def warm_studio(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a studio starts, trainings, models and the judge of forms, is forked with all imports done."""
    import children

    begin()
    named = types.SimpleNamespace(**vars(subprocess))
    named.Popen = lambda command, **options: children.start(command, warm=True, **options)
    for module in ("launch", "spare", "forms", "models.child"):
        monkeypatch.setattr(f"tilework.studio.{module}.subprocess", named)


@pytest.fixture
def small_run(tilework: Callable[..., Outcome], once: Callable[..., Path], tmp_path: Path) -> RunFolder:
    """A finished little run of the demo's recipe, trained once; the test has a copy of its own."""
    from tilework.runs.folder import RunFolder

    def train(folder: Path) -> None:
        done = tilework("train", "rqvae-digits", *SMALL, "--runs", folder)
        assert done.code == 0, done.err

    shutil.copytree(once("small-run", train), tmp_path / "runs")
    return RunFolder.find("last")
