"""Sketches are drawn for a moment before a spec is proposed: what they look like, and which of them break."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import chromium_is_here

from tilework.data.sketch.chromium import Chromium
from tilework.errors import UserError
from tilework.suggest import choosing
from tilework.suggest.looking import look
from tilework.suggest.sheet import shape

MOVING = """
function setup() { createCanvas(120, 80) }
function draw() { background(20, 90, 200); fill(255, 160, 0); ellipse(20 + frameCount * 3, 40, 30, 30) }
"""
BROKEN = "function setup() { createCanvas(120, 80)\nfunction draw() { background(0)"


@pytest.fixture
def browser() -> None:
    if not chromium_is_here():
        pytest.skip("there is no Chromium here to draw sketches with: `playwright install chromium`")


def folder(tmp_path: Path, **sketches: str) -> str:
    for name, code in sketches.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "sketch.js").write_text(code)
    return str(tmp_path)


def test_what_sketches_look_like_and_which_of_them_break(tmp_path: Path, browser: None) -> None:
    seen = look([folder(tmp_path, moving=MOVING, broken=BROKEN)], seconds=60.0)
    facts = seen.facts
    assert (facts.things, facts.images, facts.looked_at) == (2, 180, 2)
    assert facts.looks is not None
    assert facts.looks.colour
    assert (facts.looks.size.width, facts.looks.size.height) == (120, 80)
    [(name, problem)] = facts.left_out
    assert name == "broken"
    assert "SyntaxError" in problem
    assert "left-out" in [one.code for one in choosing.cautions(facts)]
    assert all(image.shape == (80, 120, 3) for image in seen.images)
    assert not (seen.images[0] == seen.images[-1]).all()


def test_sketches_that_all_break_are_refused_with_what_they_threw(tmp_path: Path, browser: None) -> None:
    with pytest.raises(UserError) as refused:
        look([folder(tmp_path, broken=BROKEN)], seconds=60.0)
    assert "SyntaxError" in refused.value.why


def test_without_a_browser_it_is_proposed_all_the_same_and_says_why_nothing_was_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(self: Chromium) -> None:
        raise UserError("there is no browser", why="none", fix="install one")

    monkeypatch.setattr(Chromium, "start", none)
    facts = look([folder(tmp_path, moving=MOVING)]).facts
    assert facts.looks is None
    assert facts.images == 180
    [found] = [one for one in choosing.cautions(facts) if one.code == "undrawn"]
    assert found.values == {"text": "there is no browser; install one"}


@pytest.mark.parametrize("images", range(1, 200))
def test_a_sheet_has_full_rows(images: int) -> None:
    columns, rows = shape(images)
    assert 1 <= columns <= 12
    assert 1 <= rows <= 4
    assert columns * rows <= images
    assert columns * rows >= min(48, images) - rows + 1  # no more are left out than the last row lacks
