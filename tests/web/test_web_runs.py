"""The list of runs, the form of a new one, and comparing, in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from browser import expect
from fakes.moving import MovingTrainer, finished_run


def test_an_empty_folder_offers_one_thing_to_do(page: Any, served: Any) -> None:
    page.goto(f"{served.origin}/#/")
    page.get_by_text("No runs yet").wait_for()
    expect(page.locator("main .main")).to_have_count(1)


def test_runs_are_listed_as_they_change_and_can_be_deleted(page: Any, served: Any, root: Path) -> None:
    with MovingTrainer(root) as trainer, finished_run(root) as ended:
        page.goto(f"{served.origin}/#/")
        page.locator("article", has_text=trainer.id).locator(".pill.running").wait_for()
        stop = page.locator("article", has_text=trainer.id).get_by_role("button")
        stop.get_by_text("Stop", exact=True).click()
        stop.get_by_text("Stop?").wait_for()  # as on its own page, it is asked first
        card = page.locator("article", has_text=ended)
        card.locator(".pill.finished").wait_for()
        card.get_by_role("link", name="Train longer…").click()
        goal = page.get_by_label("to step")  # asked at once, and ready to be typed over
        expect(goal).to_be_focused()
        expect(goal).to_have_value("120")
        page.go_back()
        card.get_by_role("button", name="Delete").click()
        page.get_by_role("button", name="Delete", exact=True).last.click()
        card.wait_for(state="detached")
        assert list((root / ".trash").iterdir())


def test_two_runs_are_compared(page: Any, served: Any, root: Path) -> None:
    with finished_run(root) as a, finished_run(root) as b:
        page.goto(f"{served.origin}/#/")
        for run_id in (a, b):
            page.locator("article", has_text=run_id).locator("input[type=checkbox]").check()
        page.get_by_role("link", name="Compare 2").click()
        page.get_by_text("Settings that differ").wait_for()
        page.locator(".uplot").wait_for()
        expect(page.locator(".keys")).to_contain_text(a)
        # One that is gone is reported, and does not take the others with it.
        page.goto(page.url + "&more=gone")
        page.reload()
        page.get_by_text("there is no run 'gone'").wait_for()
        page.locator(".keys a", has_text=b).wait_for()
        expect(page.locator(".keys a")).to_have_count(2)


def test_a_new_run_is_checked_field_by_field(page: Any, served: Any, warm_studio: None) -> None:
    page.goto(f"{served.origin}/#/new?recipe=rqvae-digits")
    codes = page.locator("[id='field-bottleneck.codes']")
    codes.wait_for()
    codes.fill("-3")
    codes.press("Tab")
    page.locator(".field.wrong", has=codes).wait_for()
    expect(page.get_by_role("button", name="Start training")).to_be_disabled()
    codes.fill("32")
    codes.press("Tab")
    page.get_by_text("bottleneck.codes=32").wait_for()
    expect(page.get_by_role("button", name="Start training")).to_be_enabled()
    dense = page.locator("[id='field-encoder.dense']")
    dense.fill("128, 64")  # a list may be typed without its brackets
    dense.press("Tab")
    expect(dense).to_have_value("[128, 64]")
    dense.fill("[128, x]")
    dense.press("Tab")
    # Shown at its field, once, although it is the second item that is wrong.
    wrong = page.locator(".field.wrong", has=dense).get_by_role("alert")
    wrong.get_by_text("must be a whole number, not 'x'", exact=True).wait_for()
    page.locator(".field", has=dense).get_by_role("button", name="was [128], undo").click()
    name = page.locator("[id='field-name']")
    name.fill("")
    name.press("Tab")
    page.get_by_text("It cannot be empty: rqvae-digits again.").wait_for()
    page.locator("[id='field-bottleneck.kind']").select_option("fsq")
    # What was changed of the other kind is gone with it, and the form shows the new kind's settings.
    page.locator("[id='field-bottleneck.levels']").wait_for()
    start = page.get_by_role("button", name="Start training")
    # Nor can the loss of a codebook stay: it went, and the section reports it.
    page.get_by_text("Made to fit the bottleneck: codebook is gone").wait_for()
    page.locator("button[type=submit]:enabled").wait_for()
    page.locator("[id='field-bottleneck.kind']").select_option("gaussian")
    page.get_by_text("kl is 1").wait_for()
    page.get_by_label("Add a loss term").select_option("commitment")
    # It would be refused at the start; here it is shown at its field.
    weight = page.locator(".field.wrong", has=page.locator("[id='field-objective.commitment.weight']"))
    weight.get_by_text("which this bottleneck does not have").wait_for()
    expect(start).to_be_disabled()
    page.get_by_title("Train without commitment").click()
    page.locator("button[type=submit]:enabled").wait_for()
    page.locator("[id='field-bottleneck.kind']").select_option("rq")
    page.get_by_text("as the recipe has it").wait_for()
