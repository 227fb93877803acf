"""The live page in a real browser, against the real server and a trainer that only moves points."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from browser import expect, until
from fakes.moving import CODES, MovingTrainer, finished_run

PILL = "header .pill"


def open_run(page: Any, served: Any, run_id: str, query: str = "") -> None:
    page.goto(f"{served.origin}/#/runs/{run_id}{query}")
    until(page, "window.__tilework.shown.step > 0")


def shown(page: Any, name: str) -> Any:
    return page.evaluate(f"window.__tilework.shown.{name}")


def test_points_and_codes_are_drawn_as_they_come(page: Any, served: Any, root: Path) -> None:
    with MovingTrainer(root) as trainer:
        open_run(page, served, trainer.id)
        before = page.evaluate("({...window.__tilework})")
        until(page, f"window.__tilework.frames > {before['frames'] + 8}")
        until(page, f"window.__tilework.drawn > {before['drawn'] + 16}")
        after = page.evaluate("({...window.__tilework})")
        assert after["shown"]["points"] == 1000
        assert after["shown"]["marks"] == CODES
        expect(page.locator(PILL)).to_have_text("running")
        summary = page.locator(".stage > .sr").first.text_content()
        assert "1,000 points" in summary
        assert "16 codes of level 1" in summary
        size = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert size == [1280, 720]  # no scroll bars


def settled(page: Any) -> int:
    """How often the scene was drawn by the time that frames come and nothing moves any longer."""
    for _ in range(100):
        before = page.evaluate("({...window.__tilework})")
        until(page, f"window.__tilework.frames > {before['frames'] + 8}")
        if page.evaluate("window.__tilework.drawn") == before["drawn"]:
            return before["drawn"]
    pytest.fail("it never came to rest")


def test_space_pauses_and_a_dot_takes_one_step(page: Any, served: Any, root: Path) -> None:
    with MovingTrainer(root) as trainer:
        open_run(page, served, trainer.id)
        page.keyboard.press("Space")
        page.wait_for_selector(f"{PILL}.paused")
        step = trainer.step
        page.keyboard.press(".")
        until(page, f"window.__tilework.shown.step === {step + 1}")
        page.wait_for_selector(f"{PILL}.paused")
        # A paused image is not drawn again and again.
        drawn = settled(page)
        images, frames = trainer.fake.seq["images"], page.evaluate("window.__tilework.frames")
        until(page, f"window.__tilework.frames > {frames + 30}")
        now = page.evaluate("window.__tilework.drawn")
        assert now - drawn <= 1 + trainer.fake.seq["images"] - images  # for new images; moving, it is for each frame
        # A button that was clicked does not keep the keys.
        cells = page.get_by_role("button", name="Cells")
        cells.click()
        page.keyboard.press("Space")
        page.wait_for_selector(f"{PILL}.running")
        expect(cells).to_have_attribute("aria-pressed", "false")


def test_a_slider_shows_the_step_at_which_it_took_effect_and_why_it_was_refused(
    page: Any, served: Any, root: Path
) -> None:
    with MovingTrainer(root) as trainer:
        open_run(page, served, trainer.id)
        slider = page.locator("[id='steer-objective.commitment']")
        row = page.locator(".one", has=slider)
        slider.focus()
        page.keyboard.press("ArrowRight")
        row.locator(".note", has_text="since").wait_for()
        assert trainer.fake.base_header["values"]["objective.commitment"] > 0.25
        expect(slider).to_have_attribute("aria-valuetext", row.locator("button.value").inner_text())
        row.locator("button.value").click()
        page.keyboard.type("99")
        page.keyboard.press("Enter")
        row.locator(".refusal", has_text="out of range").wait_for()
        row.locator("input.number").fill("1.5")  # it stays open, to be corrected
        page.keyboard.press("Enter")
        expect(slider).to_have_attribute("aria-valuetext", "1.5")
        slider.dblclick()
        expect(slider).to_have_attribute("aria-valuetext", "0.25")


def test_keys_change_the_view_which_is_in_the_address_and_can_be_shared(page: Any, served: Any, root: Path) -> None:
    with MovingTrainer(root) as trainer:
        open_run(page, served, trainer.id)
        page.keyboard.press("4")
        until(page, f"window.__tilework.shown.marks === {CODES * CODES}")
        page.keyboard.press("2")
        until(page, "window.__tilework.shown.shown === 'residual'")
        expect(page).to_have_url(re.compile("view=residual"))
        page.get_by_role("button", name="Cells").click()
        expect(page).to_have_url(re.compile("cells=0"))
        address = page.url
        page.reload()
        until(page, "window.__tilework.shown.shown === 'residual'")
        expect(page).to_have_url(address)
        expect(page.get_by_role("button", name="Cells")).to_have_attribute("aria-pressed", "false")
        page.keyboard.press("?")
        page.get_by_role("heading", name="Keys and meanings").wait_for()
        page.keyboard.press("Escape")
        page.get_by_role("heading", name="Keys and meanings").wait_for(state="detached")


def test_a_pinned_code_is_lit_in_views_that_have_no_mark_of_it(page: Any, served: Any, root: Path) -> None:
    with MovingTrainer(root) as trainer:
        open_run(page, served, trainer.id)
        page.evaluate("location.hash += '?code=1'")
        card = page.locator(".card.pinned")
        card.get_by_text("code 1", exact=True).wait_for()
        page.keyboard.press("3")
        page.get_by_text("lit: code 1 of level 1").wait_for()
        expect(card).to_have_count(0)
        page.get_by_role("button", name=re.compile("of .* curves")).click()
        page.get_by_role("button", name="done").wait_for()
        page.keyboard.press("Escape")  # shuts the choice of curves, and only that
        page.get_by_role("button", name="done").wait_for(state="detached")
        expect(page).to_have_url(re.compile("code=1"))
        page.keyboard.press("Escape")
        page.get_by_text("lit: code 1 of level 1").wait_for(state="detached")
        expect(page).not_to_have_url(re.compile("code="))


def test_the_history_can_be_walked_through_and_left(page: Any, served: Any, root: Path) -> None:
    with MovingTrainer(root) as trainer:
        open_run(page, served, trainer.id)
        until(page, "window.__tilework.shown.step > 60")
        page.keyboard.press("[")
        until(page, "/at=\\d+/.test(location.hash) && window.__tilework.shown.step % 25 === 0")
        first = shown(page, "step")
        page.keyboard.press("[")
        until(page, f"window.__tilework.shown.step < {first}")
        page.keyboard.press("l")
        until(page, f"window.__tilework.shown.step > {first}")
        expect(page).not_to_have_url(re.compile("at="))


def test_a_run_that_is_over_opens_at_its_end(page: Any, served: Any, root: Path) -> None:
    with finished_run(root) as run_id:
        open_run(page, served, run_id)
        page.wait_for_selector(f"{PILL}.finished")
        # Nothing is left to resume: the page asks how far it is to go on, and offers a copy.
        expect(page.get_by_role("button", name="Resume training")).to_have_count(0)
        expect(page.get_by_role("button", name="Train longer")).to_be_enabled()
        goal = page.get_by_label("to step")
        expect(goal).to_have_value("120")  # twice the 60 that were trained
        goal.fill("3")
        expect(page.get_by_text("above 60")).to_be_visible()
        expect(page.get_by_role("button", name="Train longer")).to_be_disabled()
        expect(page.get_by_role("link", name="Duplicate")).to_be_visible()
        until(page, "window.__tilework.shown.step >= 50")


def test_without_codes_there_are_points_and_nothing_that_is_not_there(page: Any, served: Any, root: Path) -> None:
    with MovingTrainer(root, codes=False) as trainer:
        open_run(page, served, trainer.id)
        assert shown(page, "marks") == 0
        expect(page.get_by_text("no codebook: points only")).to_be_visible()
        expect(page.get_by_role("button", name="Cells")).to_have_count(0)
        expect(page.get_by_text("Decoded codes")).to_have_count(0)


def test_a_killed_trainer_is_reported_as_crashed_with_a_way_on(page: Any, served: Any, root: Path) -> None:
    with MovingTrainer(root) as trainer:
        open_run(page, served, trainer.id)
        trainer.end(None)
        page.wait_for_selector(f"{PILL}.crashed")
        banner = page.locator(".banner")
        expect(banner).to_contain_text("Crashed at step ")
        expect(banner).to_contain_text("Its process ended")
        canvas, words = page.locator(".stage").bounding_box(), banner.bounding_box()
        assert words["y"] + words["height"] <= canvas["y"]  # it covers nothing of the image
        # There is no checkpoint to go on from: begin another is what can be done.
        expect(page.get_by_role("button", name="Resume training")).to_be_disabled()
        expect(page.get_by_role("link", name="Duplicate")).to_be_visible()


def test_a_lost_studio_is_reported_and_found_again(page: Any, served: Any, root: Path) -> None:
    with MovingTrainer(root) as trainer:
        open_run(page, served, trainer.id)
        port = served.studio.port
        keys = served.studio.keys
        served.end()
        page.wait_for_selector(f"{PILL}.disconnected")
        expect(page.get_by_text("The run goes on")).to_be_visible()
        served.begin(port)
        context = page.context
        context.add_cookies(
            [{"name": served.studio.keys.cookie, "value": served.studio.keys.session, "url": served.origin}]
        )
        assert keys.session != served.studio.keys.session
        before = page.evaluate("window.__tilework.frames")
        page.wait_for_selector(f"{PILL}.running")
        until(page, f"window.__tilework.frames > {before}")


def test_a_reset_is_followed_to_the_new_run(page: Any, served: Any, root: Path) -> None:
    with MovingTrainer(root) as old, MovingTrainer(root, "after") as new:
        open_run(page, served, old.id)
        old.fake.base_header["next"] = new.id
        until(page, f"location.hash.includes({new.id!r})")
        page.get_by_text("after a reset of").get_by_role("link", name=old.id).wait_for()


def test_hovering_a_data_point_shows_its_class_and_codes(page: Any, served: Any, root: Path) -> None:
    with MovingTrainer(root) as trainer:
        open_run(page, served, trainer.id)
        page.keyboard.press("Space")
        page.wait_for_selector(f"{PILL}.paused")
        settled(page)
        box = page.locator(".stage > canvas").bounding_box()
        card = page.locator(".stage .card.point")
        places = [(x / 40, y / 40) for y in range(10, 31, 4) for x in range(8, 33)]
        for x, y in places:
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
            if card.count():
                break
        expect(card).to_contain_text(re.compile(r"class [0-9]\s+codes\s+[0-9]+, [0-9]+"))
        page.mouse.move(2, 2)
        expect(card).to_have_count(0)
