"""The wheel holds the page and p5; the page stays small; and no file of the front end names an address of a registry."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from pathlib import Path

import children
import pytest

from tilework.studio import page_files

CHECKOUT = Path(__file__).resolve().parents[2]
MOST_BYTES = 160_000
"""Packed, that opening any one page loads: pages come when they are opened."""


def loaded(assets: Path, name: str) -> set[str]:
    """A script and all that it imports at once."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += re.findall(r"""(?:from|import)\s*["']\./([^"']+\.js)["']""", (assets / one).read_text())
    return found


def test_the_page_is_small_and_needs_nothing_from_elsewhere() -> None:
    if not page_files.built():
        pytest.skip("the studio's page was not built (TILEWORK_SKIP_WEB?)")
    index = (page_files.PAGE / "index.html").read_text()
    assets = page_files.PAGE / "assets"
    entry = Path(re.findall(r'<script[^>]*\bsrc="([^"]+)"', index)[0]).name
    pages = re.findall(r"""import\(\s*["'`]\./([^"'`]+\.js)["'`]""", (assets / entry).read_text())
    assert len(pages) >= 4
    styles = sum(path.stat().st_size for path in assets.glob("*.css.gz"))
    for page in pages:
        scripts = loaded(assets, entry) | loaded(assets, page)
        assert styles + sum((assets / f"{name}.gz").stat().st_size for name in scripts) < MOST_BYTES, page
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|https?://", index)


def test_the_lock_file_names_no_address() -> None:
    text = (CHECKOUT / "web" / "package-lock.json").read_text()
    assert "http" not in text
    packages = json.loads(text)["packages"]
    missing = [
        name
        for one in packages.values()
        for name in one.get("optionalDependencies", {})
        if f"node_modules/{name}" not in packages
    ]
    assert not missing  # npm ci refuses a lock file that lacks another platform's packages


@pytest.mark.slow
def test_the_wheel_is_built_with_the_page_and_p5(tmp_path: Path) -> None:
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not here")
    children.run(
        [uv, "build", "--wheel", "-o", str(tmp_path), str(CHECKOUT)], check=True, capture_output=True, timeout=280
    )
    (wheel,) = tmp_path.glob("*.whl")
    files = zipfile.ZipFile(wheel)
    names = files.namelist()
    assert "tilework/studio/page/index.html" in names
    assert any(re.fullmatch(r"tilework/studio/page/assets/index-[^/]+\.js\.gz", name) for name in names)
    assert not any("node_modules" in name for name in names)
    notice = files.read("tilework/data/sketch/p5/NOTICE.txt").decode()
    for generation in ("1", "2"):
        folder = f"tilework/data/sketch/p5/p5-v{generation}"
        assert len(files.read(f"{folder}/p5.min.js")) > 500_000
        assert b"GNU LESSER GENERAL PUBLIC LICENSE" in files.read(f"{folder}/license.txt")
        assert re.search(rf"p5-v{generation}/p5.min.js +p5.js {generation}[.]", notice)
    assert len([name for name in names if "/data/sketch/p5/" in name]) == 5
