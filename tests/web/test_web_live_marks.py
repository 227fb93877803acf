"""The live page in a real browser: codes by the keyboard, many codes, refused values, the history played, and honest marks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from browser import expect, until
from fakes.moving import MovingTrainer, finished_run
from fakes.trainer import FakeTrainer

PILL = "header .pill"
SOMETHING_DRAWN = """(() => {
  const canvas = document.querySelector('.stage > canvas')
  const image = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  const pixels = new Uint32Array(image.data.buffer)
  return pixels.some((pixel) => pixel !== pixels[0])
})()"""


def open_run(page: Any, served: Any, run_id: str, query: str = "") -> None:
    page.goto(f"{served.origin}/#/runs/{run_id}{query}")
    until(page, "window.__tilework.shown.step > 0")


def test_codes_are_reached_and_pinned_by_the_keyboard(page: Any, served: Any, root: Path) -> None:
    with MovingTrainer(root) as trainer:
        open_run(page, served, trainer.id)
        page.keyboard.press("c")
        expect(page.locator(".codes")).to_be_focused()
        page.keyboard.press("Home")
        card = page.locator(".stage .card")
        expect(card).to_contain_text("code 0")
        expect(page.locator(".stage [aria-live]")).to_have_text(re.compile("^code 0, "))
        page.keyboard.press("PageDown")
        expect(card).to_contain_text("code 1")
        page.keyboard.press("ArrowRight")
        expect(page).not_to_have_url(re.compile("at="))  # the history stays where it is
        page.keyboard.press("End")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("code=15"))
        page.keyboard.press("Escape")
        expect(page).not_to_have_url(re.compile("code="))


def test_what_is_typed_after_a_refused_value_is_the_field_s(page: Any, served: Any, root: Path) -> None:
    with MovingTrainer(root) as trainer:
        open_run(page, served, trainer.id)
        page.keyboard.press("Space")
        page.wait_for_selector(f"{PILL}.paused")
        step = trainer.step
        row = page.locator(".one", has=page.locator("[id='steer-objective.commitment']"))
        row.locator("button.value").click()
        page.keyboard.type("abc")
        page.keyboard.press("Enter")
        row.locator(".refusal", has_text="“abc” is not a number").wait_for()
        # Elsewhere on the page too, nothing steps, runs or switches until it is corrected.
        page.locator("h2", has_text="Show").click()
        page.keyboard.press(".")
        page.keyboard.press("4")
        field = row.locator("input.number")
        expect(field).to_be_visible()
        expect(field).to_be_focused()
        expect(page).not_to_have_url(re.compile("view="))
        expect(page.locator(PILL)).to_have_class(re.compile("paused"))
        assert trainer.step == step
        field.fill("5")
        page.keyboard.press("Enter")  # the trainer's own refusal opens it again
        row.locator(".refusal", has_text="out of range").wait_for()
        expect(field).to_have_value("5")
        page.keyboard.press("Escape")
        expect(row.locator("button.value")).to_have_text("0.25")
        page.keyboard.press(".")
        until(page, f"window.__tilework.shown.step === {step + 1}")


def test_no_zoom_and_no_move_leaves_an_empty_canvas(page: Any, served: Any, root: Path) -> None:
    with MovingTrainer(root) as trainer:
        open_run(page, served, trainer.id, "?cells=0&trails=0")
        page.keyboard.press("Space")
        page.wait_for_selector(f"{PILL}.paused")
        box = page.locator(".stage > canvas").bounding_box()
        page.mouse.move(box["x"] + 5, box["y"] + box["height"] - 60)  # a corner without points
        for delta in [-3000] * 8:
            page.mouse.wheel(0, delta)
        expect(page).to_have_url(re.compile("cam="))
        until(page, SOMETHING_DRAWN)
        page.mouse.move(box["x"] + 100, box["y"] + 100)
        page.mouse.down()
        page.mouse.move(box["x"] + 400, box["y"] + 300)
        page.mouse.up()
        until(page, SOMETHING_DRAWN)
        page.goto(f"{served.origin}/#/runs/{trainer.id}?cells=0&trails=0&cam=500,500,10000000")
        page.reload()
        until(page, "window.__tilework.shown.step > 0")
        until(page, SOMETHING_DRAWN)


def test_the_history_plays_to_its_end(page: Any, served: Any, root: Path) -> None:
    with finished_run(root) as run_id:
        open_run(page, served, run_id)
        until(page, "window.__tilework.shown.step >= 50")
        # Three frames are over sooner than a test looks: the page notes what it has drawn.
        page.evaluate("""() => {
          window.seen = []
          const look = () => { window.seen.push(window.__tilework.shown.step); requestAnimationFrame(look) }
          look()
        }""")
        page.get_by_role("button", name="Play the history").click()
        until(page, "window.seen.some((step) => step < 50)")
        until(page, "window.seen.at(-1) >= 50")
        expect(page.get_by_role("button", name="Play the history")).to_be_visible()
        expect(page.get_by_role("button", name="Stop playing the history")).to_have_count(0)


def test_nothing_is_green_that_is_not_heard(page: Any, served: Any, root: Path) -> None:
    with MovingTrainer(root) as trainer:
        open_run(page, served, trainer.id)
        live = page.locator("button.live")
        expect(live).to_have_class(re.compile("green"))
        served.end()
        page.wait_for_selector(f"{PILL}.disconnected")
        expect(live).not_to_have_class(re.compile("green"))
        expect(live).to_have_class(re.compile("lost"))
        expect(live).to_have_text("newest")


def test_a_crash_is_not_green_either(page: Any, served: Any, root: Path) -> None:
    with MovingTrainer(root) as trainer:
        open_run(page, served, trainer.id)
        trainer.end(None)
        page.wait_for_selector(f"{PILL}.crashed")
        expect(page.locator("button.live")).not_to_have_class(re.compile("green"))


def test_the_header_counts_the_newest_of_rows_and_frames(page: Any, served: Any, root: Path) -> None:
    trainer = FakeTrainer(root)
    try:
        trainer.step = 1
        trainer.frame()
        page.goto(f"{served.origin}/#/runs/{trainer.run.id}")
        until(page, "window.__tilework.shown.step === 1")
        trainer.steps(29)
        expect(page.locator("header .step")).to_contain_text("step 30")
        expect(page.locator("header .fresh")).to_contain_text("frame of 1, ")
        expect(page.locator(".where")).to_contain_text("30")
    finally:
        trainer.end()


def test_many_codes_are_drawn_by_density(page: Any, served: Any, root: Path) -> None:
    with MovingTrainer(root, per_level=2048) as trainer:
        open_run(page, served, trainer.id)
        note = page.locator(".note")
        note.get_by_text("2,048 codes by density; zoom in to see each").wait_for()
        assert page.evaluate("window.__tilework.shown.marks") == 2048
        sort = page.locator(".usage button", has_text="sort")
        expect(sort).to_have_attribute("aria-pressed", "true")  # by number they mean nothing
        sort.click()
        expect(sort).to_have_attribute("aria-pressed", "false")
        expect(page).to_have_url(re.compile("sorted=0"))
        page.keyboard.press("c")
        page.keyboard.press("Home")
        expect(page.locator(".stage .card")).to_contain_text("code 0")
        box = page.locator(".stage > canvas").bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        for _ in range(4):
            page.mouse.wheel(0, -400)
        expect(note.get_by_text("by density")).to_have_count(0)


def test_charts_keep_their_height_and_reconstruction_has_an_axis_of_its_own(page: Any, served: Any, root: Path) -> None:
    with MovingTrainer(root) as trainer:
        open_run(page, served, trainer.id)
        legend = page.locator(".curves .keys")
        expect(legend.locator("button", has_text="MSE")).to_contain_text("→")
        expect(legend.locator("button", has_text="commitment")).not_to_contain_text("→")
        assert page.locator(".curves .chart").bounding_box()["height"] >= 130
        legend.get_by_role("button", name=re.compile("of .* curves")).click()
        assert page.locator(".curves .chart").bounding_box()["height"] >= 130


def test_a_small_window_has_everything_within_it(page: Any, served: Any, root: Path) -> None:
    page.set_viewport_size({"width": 960, "height": 600})
    with MovingTrainer(root) as trainer:
        open_run(page, served, trainer.id)
        outside = """[...document.querySelectorAll('header *, .left *, .right *, footer *')].filter((one) => {
          const box = one.getBoundingClientRect()
          return box.width > 0 && box.right > innerWidth + 1 && !one.closest('.sr')
        }).map((one) => one.outerHTML.slice(0, 120))"""
        until(page, "window.__tilework.frames > 5")
        assert page.evaluate(outside) == []
        assert page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]") == [
            960,
            600,
        ]


def test_a_run_is_taken_elsewhere(page: Any, served: Any, root: Path) -> None:
    with finished_run(root) as run_id:
        page.goto(f"{served.origin}/#/")
        page.get_by_role("button", name=f"Use {run_id}").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text(f"tilework train {root / run_id / 'spec.yaml'}")
        dialog.get_by_role("button", name="Close").click()
        open_run(page, served, run_id)
        page.get_by_role("button", name="Use…").click()
        link = page.get_by_role("link", name="Open report")
        expect(link).to_have_attribute("href", re.compile(f"/api/runs/{run_id}/report$"))
        page.get_by_role("button", name="Copy: Train it again").click()
        expect(page.locator(".copied")).to_contain_text("tilework train ")
