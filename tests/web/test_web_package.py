"""The wheel holds the page; it stays small; and no file of the front end names an address of a registry."""

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
MOST_BYTES = 150_000


def test_the_page_is_small_and_needs_nothing_from_elsewhere() -> None:
    if not page_files.built():
        pytest.skip("the studio's page was not built (TILEWORK_SKIP_WEB?)")
    packed = list(page_files.PAGE.rglob("*.gz"))
    assert sum(path.stat().st_size for path in packed) < MOST_BYTES
    index = (page_files.PAGE / "index.html").read_text()
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
def test_the_wheel_is_built_with_the_page(tmp_path: Path) -> None:
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not here")
    children.run(
        [uv, "build", "--wheel", "-o", str(tmp_path), str(CHECKOUT)], check=True, capture_output=True, timeout=280
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "tilework/studio/page/index.html" in names
    assert any(re.fullmatch(r"tilework/studio/page/assets/index-[^/]+\.js\.gz", name) for name in names)
    assert not any("node_modules" in name for name in names)
