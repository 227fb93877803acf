"""From a click to a run's page, own data in the form, images that are enlarged, and the same images through two runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import children
import pytest
from browser import expect, until
from fakes.moving import MovingTrainer, finished_run
from served_page import wait_for

from tilework.runs import stage


@pytest.fixture
def program(served: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[list[str]]]:
    """Has the studio start a Python program in place of a training; gives the words of each command."""

    def use(text: str) -> list[list[str]]:
        commands: list[list[str]] = []

        def spawn(words: list[str], log: Path, file: Path | None = None) -> Any:
            commands.append(words)
            with log.open("ab") as out:
                given = {**os.environ, stage.FILE: str(file)}
                return children.start([sys.executable, "-c", text], env=given, stdout=out, stderr=out)

        monkeypatch.setattr(served.studio.app.app.state.launcher, "_spawn", spawn)
        return commands

    return use


def noting(*stages: str, then: str) -> str:
    notes = "\n".join(f"note(Stage({one}))" for one in stages)
    return f"import pathlib, time\nfrom tilework.runs.stage import Stage, note\n{notes}\n{then}\n"


def waits_for(file: Path) -> str:
    return f"while not pathlib.Path({str(file)!r}).exists(): time.sleep(0.01)"


def test_one_click_opens_a_page_that_shows_where_the_run_is(
    page: Any, served: Any, root: Path, tmp_path: Path, program: Any, spares: list[float], monkeypatch: Any
) -> None:
    there = tmp_path / "there"
    commands = program(noting("'images', 340, 1797", then=f"{waits_for(there)}\ntime.sleep(1000)"))
    page.goto(f"{served.origin}/#/")
    page.get_by_role("button", name="Begin with rqvae-digits").click()
    page.locator("[aria-current=step]", has_text="preparing images: 340 of 1,797").wait_for()
    page.get_by_text("process started, torch loaded").wait_for()
    assert commands == [["train", "rqvae-digits", "--runs", str(root)]]
    assert spares, "the list of no runs had a process kept ready"
    with MovingTrainer(root) as trainer:
        launcher = served.studio.app.app.state.launcher
        monkeypatch.setattr(launcher, "_begun_by", lambda pid, before: trainer.id if there.exists() else None)
        there.touch()
        until(page, f"location.hash === '#/runs/{trainer.id}'")
        page.locator(".pill.running").wait_for()
        page.go_back()  # to where the start was made, and not to a start that is over
        until(page, "location.hash === '#/'")


def test_a_start_that_fails_shows_why_and_what_was_set_is_kept(
    page: Any, served: Any, program: Any, warm_studio: None
) -> None:
    ends = (
        "from tilework.errors import UserError\nfrom tilework.runs.stage import note_error\n"
        "note_error(UserError('it has no images', why='the folder is empty', fix='add some'))\nraise SystemExit(2)"
    )
    commands = program(noting("'torch'", then=ends))
    page.goto(f"{served.origin}/#/new?recipe=rqvae-digits")
    seed = page.locator("[id='field-seed']")
    seed.fill("31")
    seed.press("Tab")
    page.get_by_text("seed=31").wait_for()
    page.locator("button[type=submit]:enabled").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("it has no images")
    page.get_by_text("the folder is empty").wait_for()
    page.get_by_role("button", name="Try again").click()
    wait_for(lambda: len(commands) == 2)  # until the second start, the first one's message is still there
    expect(alert).to_contain_text("it has no images")
    assert [one[1:3] for one in commands] == [["rqvae-digits", "seed=31"]] * 2
    page.get_by_role("link", name="Change settings").click()
    expect(page.locator("[id='field-seed']")).to_have_value("31")


def test_a_start_can_be_cancelled(page: Any, served: Any, program: Any) -> None:
    program(noting("'torch'", then="time.sleep(1000)"))
    page.goto(f"{served.origin}/#/")
    page.get_by_role("button", name="Begin with rqvae-digits").click()
    page.locator("[aria-current=step]", has_text="loading torch").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Cancelled before the run began.").wait_for()


def test_the_form_follows_the_chosen_kind_at_once(page: Any, served: Any, tmp_path: Path, warm_studio: None) -> None:
    import numpy as np

    from tilework.data.catalogue.sets import add
    from tilework.spec.plugins import SOURCES

    own = tmp_path / "own images.npy"
    np.save(own, np.random.default_rng(5).integers(0, 255, (12, 8, 8), dtype=np.uint8))
    add("mine", SOURCES.parse({"kind": "array", "path": str(own), "size": "8x8", "channels": 1}))  # type: ignore[arg-type]
    page.goto(f"{served.origin}/#/new?recipe=p5-loops")
    kind, path = page.locator("[id='field-data.kind']"), page.locator("[id='field-data.path']")
    kind.select_option("animations")
    path.wait_for()  # before anything was judged, which could not read the data without a path
    page.get_by_text("Frames of GIF, animated PNG").wait_for()
    page.get_by_text("Still needed:").wait_for()
    expect(page.locator(".field.wrong")).to_have_count(0)
    expect(page.locator("[id='field-data.size']")).to_have_value("64x64")
    path.fill(f"'{own}'")  # as a shell or a file manager copies it
    path.press("Tab")
    expect(path).to_have_value(str(own))
    page.locator("button[type=submit]:enabled").wait_for()
    page.get_by_role("button", name="clear").click()
    page.get_by_text("Still needed:").wait_for()
    kind.select_option("mine")
    expect(path).to_have_value(str(own))
    page.get_by_text("data.kind=mine").wait_for()
    page.locator("button[type=submit]:enabled").wait_for()
    kind.select_option("loops")
    page.get_by_text("as the recipe has it").wait_for()
    expect(path).to_have_count(0)


def test_a_held_out_image_is_enlarged(page: Any, served: Any, root: Path) -> None:
    with MovingTrainer(root) as trainer:
        page.goto(f"{served.origin}/#/runs/{trainer.id}")
        page.get_by_role("button", name="Enlarge held-out image 2 of").press("Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("Held-out image 2 of")
        expect(dialog.locator("canvas")).to_have_count(3)
        page.keyboard.press("ArrowRight")
        expect(dialog).to_contain_text("Held-out image 3 of")
        until(page, "location.hash.includes('image=2')")
        assert "at=" not in page.url, "the page behind has not gone through its history"
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(page.get_by_role("button", name="Enlarge held-out image 2 of")).to_be_focused()
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("button", name="Enlarge held-out image 3 of")).to_be_focused()


def test_two_runs_show_the_same_validation_images(page: Any, served: Any, root: Path) -> None:
    with finished_run(root, 40) as a, finished_run(root, 80) as b:
        page.goto(f"{served.origin}/#/compare?a={a}&b={b}")
        card = page.locator("section", has=page.get_by_role("heading", name="The same validation images"))
        for run_id, step in ((a, 25), (b, 75)):  # the last that were kept
            expect(card.locator(".name", has_text=run_id)).to_contain_text(f"step {step},")
        marks = card.locator(".cell.better")
        expect(card.locator(".cell.worse")).to_have_count(marks.count())
        card.get_by_role("button", name="Enlarge image 1", exact=True).first.click()
        dialog = page.get_by_role("dialog")
        expect(dialog.locator("canvas")).to_have_count(5)  # the original, two reconstructions, and the errors of both
        expect(dialog).to_contain_text(a)
