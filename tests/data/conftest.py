from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import children
import pytest
from commands import chromium_is_here

from tilework.data.sketch.library import SHIPPED

sys.path.insert(0, str(Path(__file__).parent))  # for data_fakes


@pytest.fixture(autouse=True)
def _own_cache(_own_folders: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these tests has a cache to itself: they count what is made and damage what is kept."""
    monkeypatch.setenv("TILEWORK_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def browser() -> Iterator[None]:
    """Browsers that the tests of a module share; skips, with the reason, where there is no Chromium."""
    if not chromium_is_here():
        pytest.skip("there is no Chromium here to draw sketches with, or Playwright is not installed")
    from drawn_sketches import kept_browsers

    with kept_browsers():
        yield


@pytest.fixture(scope="session", params=["1.11.2", "2.3.4"])
def real_p5(request, tmp_path_factory) -> Path:
    """p5 itself: what the package was built with where it is of that generation, else as npm has it; skips where neither is."""
    built = SHIPPED / f"p5-v{request.param[0]}" / "p5.min.js"
    if built.is_file():
        return built
    if shutil.which("npm") is None:
        pytest.skip("p5 comes through npm, which is not here")
    folder = tmp_path_factory.mktemp("p5")
    got = children.run(
        ["npm", "pack", "--fetch-retries=0", f"p5@{request.param}"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if got.returncode:
        pytest.skip("npm cannot fetch p5 here")
    shutil.unpack_archive(next(folder.glob("*.tgz")), folder)
    return folder / "package" / "lib" / "p5.min.js"
