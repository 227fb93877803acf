"""The explained page in a browser: it fits, nothing is fetched or refused, and a stage under the hand lights its row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browser import until

from tilework.explain.of import explain_spec
from tilework.explain.page import to_page
from tilework.explain.words.document import document
from tilework.spec import load_spec

BACKGROUND = "getComputedStyle(document.querySelector('#row-encoder-stage2-conv')).backgroundColor"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explained")
    for name in ("naruto", "vae-digits", "gamefactory-v2.0.1", "motion-prior"):
        found = explain_spec(load_spec(name), runs=folder)
        (folder / f"{name}.html").write_text(to_page(document(found), found), encoding="utf-8")
    return folder


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_it_fits(chromium: Any, pages: Path, width: int) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 720})
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("request", lambda request: None if request.url.startswith("file:") else wrong.append(request.url))
    for file in sorted(pages.glob("*.html")):
        page.goto(file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (file.name, width)
        assert page.evaluate("document.querySelectorAll('svg.network .stage').length") > 3
    context.close()
    assert not wrong


def test_a_stage_under_the_hand_lights_its_row(chromium: Any, pages: Path) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.goto((pages / "naruto.html").as_uri())
    before = page.evaluate(BACKGROUND)
    page.hover("#stage-encoder-stage2-conv")
    until(page, f"{BACKGROUND} !== {before!r}")
    title = page.evaluate("document.querySelector('#stage-encoder-stage2-conv title').textContent")
    assert "gives 32x32x128" in title
    assert "a position sees 10x10 pixels" in title
    context.close()


def test_it_follows_the_scheme_of_the_system(chromium: Any, pages: Path) -> None:
    seen = set()
    for scheme in ("light", "dark"):
        context = chromium.new_context(color_scheme=scheme)
        page = context.new_page()
        page.goto((pages / "naruto.html").as_uri())
        fill = "getComputedStyle(document.querySelector('.stage[data-side=decoder] polygon:nth-of-type(2)')).fill"
        seen.add((page.evaluate("getComputedStyle(document.body).backgroundColor"), page.evaluate(fill)))
        context.close()
    assert len({background for background, _ in seen}) == 2
    assert len({fill for _, fill in seen}) == 2
