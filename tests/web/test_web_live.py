"""The live page in a real browser, against the real server and a trainer that only moves points."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from browser import until
from moving_trainer import CODES, MovingTrainer, finished_run

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
        time.sleep(2)
        after = page.evaluate("({...window.__tilework})")
        assert after["frames"] - before["frames"] > 8  # a loaded machine is slow; on a free one it is 50
        assert after["drawn"] - before["drawn"] > 16
        assert after["shown"]["points"] == 1000
        assert after["shown"]["marks"] == CODES
        assert page.locator(PILL).inner_text() == "running"
        summary = page.locator(".stage > .sr").text_content()
        assert "1,000 points" in summary
        assert "16 codes of level 1" in summary
        size = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert size == [1280, 720]  # no scroll bars


def test_space_pauses_and_a_dot_takes_one_step(page: Any, served: Any, root: Path) -> None:
    with MovingTrainer(root) as trainer:
        open_run(page, served, trainer.id)
        page.keyboard.press("Space")
        page.wait_for_selector(f"{PILL}.paused")
        step = trainer.step
        page.keyboard.press(".")
        until(page, f"window.__tilework.shown.step === {step + 1}")
        page.wait_for_selector(f"{PILL}.paused")
        # A paused picture is not drawn again and again.
        time.sleep(0.8)
        drawn = page.evaluate("window.__tilework.drawn")
        time.sleep(1)
        assert page.evaluate("window.__tilework.drawn") - drawn <= 3
        page.keyboard.press("Space")
        page.wait_for_selector(f"{PILL}.running")


def test_a_slider_tells_the_step_at_which_it_took_effect_and_why_it_was_refused(
    page: Any, served: Any, root: Path
) -> None:
    with MovingTrainer(root) as trainer:
        open_run(page, served, trainer.id)
        slider = page.locator("[id='steer-objective.commitment']")
        row = page.locator(".one", has=slider)
        slider.focus()
        page.keyboard.press("ArrowRight")
        row.locator(".note", has_text="since").wait_for()
        assert trainer.values["objective.commitment"] > 0.25
        assert slider.get_attribute("aria-valuetext") == row.locator("button.value").inner_text()
        row.locator("button.value").click()
        page.keyboard.type("99")
        page.keyboard.press("Enter")
        row.locator(".refusal", has_text="out of range").wait_for()
        row.locator("button.value").click()
        page.keyboard.type("1.5")
        page.keyboard.press("Enter")
        until(
            page,
            "document.querySelector('[id=\"steer-objective.commitment\"]').getAttribute('aria-valuetext') === '1.5'",
        )
        slider.dblclick()
        until(
            page,
            "document.querySelector('[id=\"steer-objective.commitment\"]').getAttribute('aria-valuetext') === '0.25'",
        )


def test_keys_change_the_view_which_is_in_the_address_and_can_be_shared(page: Any, served: Any, root: Path) -> None:
    with MovingTrainer(root) as trainer:
        open_run(page, served, trainer.id)
        page.keyboard.press("4")
        until(page, f"window.__tilework.shown.marks === {CODES * CODES}")
        page.keyboard.press("2")
        until(page, "window.__tilework.shown.shown === 'residual'")
        assert "view=residual" in page.url
        page.get_by_role("button", name="Cells").click()
        assert "cells=0" in page.url
        address = page.url
        page.reload()
        until(page, "window.__tilework.shown.shown === 'residual'")
        assert page.url == address
        assert page.get_by_role("button", name="Cells").get_attribute("aria-pressed") == "false"
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
        assert card.count() == 0
        page.get_by_title("click to choose curves").first.click()
        page.get_by_role("button", name="done").wait_for()
        page.keyboard.press("Escape")  # shuts the choice of curves, and only that
        page.get_by_role("button", name="done").wait_for(state="detached")
        assert "code=1" in page.url
        page.keyboard.press("Escape")
        page.get_by_text("lit: code 1 of level 1").wait_for(state="detached")
        assert "code=" not in page.url


def test_the_history_can_be_walked_through_and_left(page: Any, served: Any, root: Path) -> None:
    with MovingTrainer(root) as trainer:
        open_run(page, served, trainer.id)
        until(page, "window.__tilework.shown.step > 60")
        page.keyboard.press("[")
        until(page, "/at=\\d+/.test(location.hash)")
        time.sleep(0.5)
        assert shown(page, "step") % 25 == 0
        first = shown(page, "step")
        page.keyboard.press("[")
        until(page, f"window.__tilework.shown.step < {first}")
        page.keyboard.press("l")
        until(page, f"window.__tilework.shown.step > {first}")
        assert "at=" not in page.url


def test_a_run_that_is_over_opens_at_its_end(page: Any, served: Any, root: Path) -> None:
    with finished_run(root) as run_id:
        open_run(page, served, run_id)
        page.wait_for_selector(f"{PILL}.finished")
        # Nothing is left to resume: the page asks how far it is to go on, and offers a copy.
        assert page.get_by_role("button", name="Resume training").count() == 0
        assert page.get_by_role("button", name="Train longer").is_enabled()
        goal = page.get_by_label("to step")
        assert goal.input_value() == "120"  # twice the 60 that were trained
        goal.fill("3")
        assert page.get_by_text("above 60").is_visible()
        assert page.get_by_role("button", name="Train longer").is_disabled()
        assert page.get_by_role("link", name="Duplicate").is_visible()
        assert shown(page, "step") >= 50


def test_without_codes_there_are_points_and_nothing_that_is_not_there(page: Any, served: Any, root: Path) -> None:
    with MovingTrainer(root, codes=False) as trainer:
        open_run(page, served, trainer.id)
        assert shown(page, "marks") == 0
        assert page.get_by_text("no codebook: points only").is_visible()
        assert page.get_by_role("button", name="Cells").count() == 0
        assert page.get_by_text("Decoded codes").count() == 0


def test_a_killed_trainer_is_told_as_crashed_with_a_way_on(page: Any, served: Any, root: Path) -> None:
    with MovingTrainer(root) as trainer:
        open_run(page, served, trainer.id)
        trainer.end(None)
        page.wait_for_selector(f"{PILL}.crashed")
        said = page.locator(".banner").inner_text()
        assert "Crashed at step " in said
        assert "Its process has ended" in said
        canvas, banner = page.locator(".stage").bounding_box(), page.locator(".banner").bounding_box()
        assert banner["y"] + banner["height"] <= canvas["y"]  # it covers nothing of the picture
        # There is no checkpoint to go on from: begin another is what can be done.
        assert page.get_by_role("button", name="Resume training").is_disabled()
        assert page.get_by_role("link", name="Duplicate").is_visible()


def test_a_lost_studio_is_told_and_found_again(page: Any, served: Any, root: Path) -> None:
    with MovingTrainer(root) as trainer:
        open_run(page, served, trainer.id)
        port = served.studio.port
        keys = served.studio.keys
        served.end()
        page.wait_for_selector(f"{PILL}.disconnected")
        assert page.get_by_text("The run goes on").is_visible()
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
        old.next = new.id
        until(page, f"location.hash.includes({new.id!r})")
        page.get_by_text("Begun again with other weights").get_by_role("link", name=old.id).wait_for()
