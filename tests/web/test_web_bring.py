"""From a folder to a run in a real browser: the folder is chosen, looked at, and started."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser import expect
from image_folders import STEP_SECONDS, photos
from served_page import Served, serving

from tilework.errors import UserError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    photos(folder / "Images" / "pets", 24, labels=2)
    (folder / "Images" / "nothing").mkdir()
    (folder / ".hidden").mkdir()
    (folder / "Documents").mkdir()
    monkeypatch.setenv("HOME", str(folder))
    return folder


@pytest.fixture
def served(root: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A studio whose proposals are made without a process of their own, and whose runs are not trained."""
    from tilework.studio.suggesting import suggested

    monkeypatch.setattr("tilework.suggest.pace.step_seconds", lambda spec, images: STEP_SECONDS)
    with serving(root) as found:
        state = found.studio.app.app.state
        monkeypatch.setattr(
            state.looking, "suggest",
            lambda paths, yaml, sheet: suggested({"paths": paths, "yaml": str(yaml), "sheet": str(sheet)}),
        )  # fmt: skip
        yield found


def test_a_folder_is_chosen_looked_at_and_started(
    page: Any, served: Served, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    changed: list[list[str]] = []

    def begin(source: str, overrides: list[str], about: str) -> None:
        begun.append(Path(source).read_text(encoding="utf-8"))
        changed.append(overrides)
        raise UserError("it was only tried", why="this is a test", fix="none")

    state: Any = served.studio.app.app.state
    monkeypatch.setattr(state.launcher, "begin", begin)
    page.goto(f"{served.studio.url().partition('?')[0]}#/")
    page.get_by_role("link", name="Bring images of your own").click()
    folders = page.get_by_role("list", name="Folders")
    folders.get_by_role("button", name="Documents").wait_for()
    expect(folders.get_by_role("button")).to_have_count(2)  # what is hidden is not shown
    folders.get_by_role("button", name="Images").click()
    expect(page).to_have_url(re.compile(r"at=.*Images$"))
    # The keyboard goes on where the pointer was: the first row is the way up.
    up = folders.get_by_role("button", name="Up")
    expect(up).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.get_by_text("2 folders", exact=True).wait_for()
    page.get_by_role("button", name="Look at this folder").click()
    page.get_by_role("button", name="Start training").wait_for()
    for text in (
        "24 images, 60x40, colour, 2 labels",
        "60x40 in colour",
        re.compile("15x10 of"),
        re.compile("steps of 11 images"),
    ):
        page.get_by_role("definition").get_by_text(text, exact=False).first.wait_for()
    sheet = page.locator("img.sheet")
    expect(sheet).to_be_visible()
    assert sheet.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    page.get_by_text("The whole spec, as YAML").click()
    page.locator("pre", has_text="kind: muon").wait_for()
    page.get_by_text(f"tilework train {home / 'Images' / 'pets'}").wait_for()
    page.get_by_role("button", name="Start training").click()
    page.get_by_role("alert").get_by_text(
        "it was only tried"
    ).wait_for()  # a refusal is shown, and the button is there again
    expect(page.get_by_role("button", name="Start training")).to_be_enabled()
    assert f"path: {home / 'Images' / 'pets'}" in begun[0]
    # What is seen is in the address.
    page.reload()
    page.get_by_role("button", name="Start training").wait_for()
    # The proposal as a form: what was changed there is what is begun.
    page.get_by_role("link", name="Change settings").click()
    seed = page.locator("[id='field-seed']")
    seed.fill("31")
    seed.press("Tab")
    page.get_by_text("seed=31").wait_for()
    page.locator("button[type=submit]:enabled").click()
    page.get_by_role("alert").get_by_text("it was only tried").wait_for()
    assert changed == [[], ["seed=31"]]
    assert f"path: {home / 'Images' / 'pets'}" in begun[1]
    page.get_by_role("button", name="Back", exact=True).click()
    page.get_by_role("button", name="Start training").wait_for()


def test_paths_are_pasted_and_refusals_are_shown(page: Any, served: Served, home: Path) -> None:
    page.goto(f"{served.studio.url().partition('?')[0]}#/bring")
    field = page.get_by_label("Path of a folder or file")
    look = page.get_by_role("button", name="Look", exact=True)
    expect(look).to_be_disabled()
    for path, words in (
        (str(home / "Images" / "nothing"), "holds nothing to learn from"),
        ("/etc", "lies outside the folders"),
        (str(home / "gone"), "There is no file or folder"),
        ("pets", "is not an absolute path"),
    ):
        field.fill(path)
        look.click()
        page.locator(".right [role=alert]").get_by_text(words).wait_for()
    field.fill(f'"{home}/Images/pets"')
    field.press("Enter")
    page.get_by_role("button", name="Start training").wait_for()
    page.go_back()
    page.get_by_text("is not an absolute path").wait_for()


def test_a_folder_that_went_away_is_reported_in_the_chooser(page: Any, served: Served, home: Path) -> None:
    page.goto(f"{served.studio.url().partition('?')[0]}#/bring?at={home / 'gone'}")
    page.get_by_role("region", name="Choose a folder").get_by_role("alert").get_by_text(
        "there is no file or folder"
    ).wait_for()
    expect(page.get_by_role("button", name="Look at this folder")).to_be_disabled()
