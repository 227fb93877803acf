from __future__ import annotations

import shutil
import sys
from pathlib import Path

import children
import pytest

from tilework.data.sketch.library import SHIPPED

sys.path.insert(0, str(Path(__file__).parent))  # for data_fakes


@pytest.fixture(autouse=True)
def _own_cache(_own_folders: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these tests has a cache to itself: they count what is made and damage what is kept."""
    monkeypatch.setenv("TILEWORK_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def browser() -> None:
    """Skips, saying so, where there is no Chromium."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="sketches need Playwright")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    with sync_api.sync_playwright() as p:
        if not Path(p.chromium.executable_path).exists() and not any(map(shutil.which, names)):
            pytest.skip("there is no Chromium here to draw sketches with")


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
