"""The explain page: the drawing of the network, the stage that is lit, and the text, in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from browser import expect

from tilework.runs.folder import RunFolder
from tilework.runs.store import RunStore
from tilework.spec import dump_yaml, load_spec

pytestmark = pytest.mark.usefixtures("warm_studio")


def test_a_recipe_is_explained_from_the_form_of_a_new_run(page: Any, served: Any) -> None:
    page.goto(f"{served.origin}/#/new?recipe=vq-photos")
    codes = page.locator("[id='field-bottleneck.codes']")
    codes.fill("256")
    codes.press("Tab")
    page.get_by_text("bottleneck.codes=256").wait_for()
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Explain").last.click()
    explained = opened.value
    explained.get_by_text("with bottleneck.codes=256").wait_for()
    expect(explained.locator(".lead")).to_contain_text("256")
    explained.get_by_role("link", name="Train it").wait_for()


def test_the_drawing_and_the_text_light_each_other(page: Any, served: Any) -> None:
    page.goto(f"{served.origin}/#/explain?recipe=vq-photos")
    stages = page.locator(".network .stage[data-stage]")
    stages.first.wait_for()
    card = page.get_by_role("status").filter(has_text="Stage")
    for section in page.locator(".sections section").all():
        expect(section.locator("p, ul, table, figure")).not_to_have_count(0)
    latent = page.locator(".network .stage[data-side=latent]")
    latent.hover()
    expect(card).to_contain_text(latent.get_attribute("data-stage"))
    # One thing to tab to, arrows inside; what was chosen stands in the address.
    stages.nth(0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    chosen = stages.nth(2).get_attribute("data-stage")
    expect(stages.nth(2)).to_be_focused()
    expect(page).to_have_url(re.compile(f"stage={re.escape(chosen)}"))
    page.mouse.move(5, 400)
    expect(card).to_contain_text(chosen)
    expect(card).to_contain_text("a position sees")
    expect(card).to_contain_text("parameters")
    row = page.locator("tr.lit")
    expect(row).to_have_count(1)
    page.reload()
    expect(card).to_contain_text(chosen)
    # A row lights its stage.
    other = stages.nth(3)
    page.locator("table tbody tr").nth(3).hover()
    expect(other).to_have_class(re.compile(r"\blit\b"))
    # A term of the text opens its card.
    term = page.locator(".sections button.term").first
    term.click()
    expect(page.get_by_role("dialog")).to_be_focused()
    page.keyboard.press("Escape")
    expect(term).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth") == 1280


def test_a_run_is_explained_with_its_numbers(page: Any, served: Any, root: Path) -> None:
    run = RunFolder.create(root, "vq-photos", dump_yaml(load_spec("vq-photos")))
    with RunStore.create(run.db) as store:
        store.log(120, 1.0, {"loss": 0.5, "mse": 0.01, "psnr": 20.25}, "val")
        store.set_meta("status", "stopped")
        page.goto(f"{served.origin}/#/runs/{run.id}")
        page.get_by_role("navigation", name="Pages").get_by_role("link", name="Explain").click()
        page.get_by_text("numbers of step 120").wait_for()
        store.log(240, 2.0, {"loss": 0.4, "mse": 0.008, "psnr": 21.5}, "val")
        store.flush()
        page.get_by_role("button", name="Read again").click()
        page.get_by_text("numbers of step 240").wait_for()


def test_what_cannot_be_explained_shows_why(page: Any, served: Any) -> None:
    page.goto(f"{served.origin}/#/explain?recipe=no-such")
    expect(page.get_by_role("alert")).to_contain_text("there is no recipe 'no-such'", ignore_case=True)
    page.goto(f"{served.origin}/#/runs/none/explain")
    expect(page.get_by_role("alert")).to_contain_text("there is no run 'none'", ignore_case=True)
