"""A browser, a studio and a page for each test."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import PATIENCE
from served_page import CHROMIUM, FLAGS, Served, not_here, playwright, serving

from tilework.studio.spare import Spare


@pytest.fixture(autouse=True)
def spares(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When a page asked for a process that waits; none is started, as it would load torch for every page that is opened."""
    asked: list[float] = []

    def keep(spare: Spare) -> bool:
        asked.append(time.monotonic())
        return True

    monkeypatch.setattr(Spare, "keep", keep)
    return asked


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def served(root: Path) -> Iterator[Served]:
    with serving(root) as found:
        yield found


@pytest.fixture(scope="module")
def shared_cache(common: Path) -> Iterator[None]:
    """For what serves a whole module: what is set for each test is set too late for it."""
    with pytest.MonkeyPatch.context() as patch:
        if "TILEWORK_CACHE" not in os.environ:
            patch.setenv("TILEWORK_CACHE", str(common / "cache"))
        yield


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    if CHROMIUM is None:
        not_here("no Chromium here: install one (apt-get install chromium), or set TILEWORK_CHROMIUM to it")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any, served: Served) -> Iterator[Any]:
    """A page that holds the studio's key. Fails the test on an exception, a warning of the framework, a refusal of the content
    security policy, or a request to anywhere else."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    found = context.new_page()
    found.set_default_timeout(1000 * PATIENCE)
    wrong: list[str] = []
    found.on("pageerror", lambda error: wrong.append(f"exception: {error}"))
    found.on(
        "console",
        lambda m: (
            wrong.append(m.text)
            if any(text in m.text for text in ("Content Security Policy", "Refused to", "svelte.dev/e/"))
            else None
        ),
    )
    found.on(
        "request",
        lambda r: (
            None
            if r.url.startswith(served.origin) or r.url.startswith("data:")
            else wrong.append(f"outside request: {r.url}")
        ),
    )
    found.goto(served.studio.url())
    yield found
    context.close()
    assert not wrong, wrong
