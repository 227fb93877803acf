"""`tilework suggest` and `tilework train FOLDER`: what is written, what is printed, and what is left behind where it
cannot be."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from commands import SMALL, Outcome
from image_folders import TINY, photos, steady  # noqa: F401
from PIL import Image

from tilework.cli.given import Given, parse_words
from tilework.spec import load_spec

Command = Callable[..., Outcome]
pytestmark = pytest.mark.usefixtures("steady")


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, beside one of images."""
    photos(tmp_path / "pets", 24, labels=2)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def refused(outcome: Outcome, *words: str) -> None:
    assert outcome.code == 2, outcome
    assert outcome.err.count("error:") == outcome.err.count("fix:") == 1, outcome.err
    assert "Traceback" not in outcome.err
    for word in words:
        assert word in outcome.err, f"{word!r} is not in {outcome.err!r}"


def test_a_spec_is_written_that_can_be_checked_and_is_never_replaced(tilework: Command, there: Path) -> None:
    done = tilework("suggest", "../pets")
    assert done.code == 0, done.err
    for word in ("24 images", "2 labels", "60x40", "15x10 of", "1/", "steps/s", "tilework train pets.yaml"):
        assert word in done.out
    assert [file.name for file in there.iterdir()] == ["pets.yaml"]
    assert load_spec("pets.yaml").name == "pets"
    (there / "pets.yaml").write_text("mine")
    refused(tilework("suggest", "../pets"), "pets.yaml is there already", "--out")
    assert (there / "pets.yaml").read_text() == "mine"
    assert tilework("suggest", "../pets", "--out", "other.yaml").code == 0
    assert tilework("suggest", "../pets", "--overwrite").code == 0
    assert load_spec("pets.yaml") == load_spec("other.yaml")
    checked = tilework("check", "pets.yaml", *TINY, "--seconds", "1")
    assert "checks in" in checked.out, checked.err


def test_it_trains_longer_where_more_minutes_are_given(tilework: Command, there: Path) -> None:
    for minutes in (0.5, 1):
        assert tilework("suggest", "../pets", "--minutes", minutes, "--out", f"{minutes}.yaml").code == 0
    assert load_spec("0.5.yaml").engine.steps < load_spec("1.yaml").engine.steps


def test_a_folder_is_trained_without_a_recipe(tilework: Command, there: Path) -> None:
    done = tilework("train", "../pets", *TINY)
    assert done.code == 0, done.err
    (run,) = (there.parent / "runs").iterdir()
    assert run.name.startswith("pets-")
    kept = run / "suggested.yaml"
    assert str(kept) in done.out
    assert "24 images" in done.out
    assert f"changed   {' '.join(TINY)}" in done.out
    # What was kept is what was trained, to be trained again.
    assert load_spec(str(kept)).model_dump() == load_spec(str(run / "spec.yaml")).model_dump()
    assert not list(there.iterdir())


def test_several_paths_and_a_file(tilework: Command, there: Path) -> None:
    files = sorted((there.parent / "pets" / "class0").iterdir())
    done = tilework("train", *files, *TINY)
    assert done.code == 0, done.err
    assert "12 images" in done.out


def test_specs_and_recipes_stay_what_they_were(tilework: Command, there: Path) -> None:
    (there / "rqvae-digits").mkdir()
    assert (
        parse_words(["rqvae-digits"]).note
        == "rqvae-digits is a recipe; for the folder of that name write ./rqvae-digits"
    )
    assert parse_words(["./rqvae-digits"]).paths == ("./rqvae-digits",)
    assert parse_words(["p5-sharp", "a=1"]) == Given(spec="p5-sharp", overrides=("a=1",))
    (there / "spec.yaml").write_text("x")
    (there / "nameless").write_text("name: x")
    for word in ("spec.yaml", "nameless", "nothing.yaml", "nothing"):
        assert parse_words([word]).spec == word
    (there / "x=1").mkdir()
    assert parse_words(["../pets", "x=1", "y=2"]) == Given(paths=("../pets", "x=1"), overrides=("y=2",))
    done = tilework("train", "rqvae-digits", *SMALL)
    assert done.code == 0, done.err
    assert "write ./rqvae-digits" in done.out
    # The folder of a run is still no folder of images.
    (run,) = (there.parent / "runs").iterdir()
    refused(tilework("train", run), "is a folder, not a spec", "tilework resume")


def test_a_spec_that_lies_among_images_is_named(tilework: Command, there: Path) -> None:
    spec = there.parent / "pets" / "mine.yaml"
    assert tilework("suggest", "../pets", "--out", spec).code == 0
    again = tilework("suggest", "../pets")
    assert again.code == 0
    assert "../pets/mine.yaml is a spec" in again.err
    trained = tilework("train", "../pets", *TINY)
    assert "tilework train ../pets/mine.yaml" in trained.out
    (there / "only").mkdir()
    shutil.copy(spec, there / "only")
    refused(tilework("suggest", "only"), "holds nothing to learn from", "tilework train only/mine.yaml")
    refused(tilework("train", "only"), "holds nothing to learn from", "only/mine.yaml is a spec")


def _fill_one_colour(folder: Path) -> None:
    for number in range(5):
        Image.new("RGB", (20, 20), "red").save(folder / f"{number}.png")


def _fill_broken(folder: Path) -> None:
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(b"\xff\xd8\xff no more")


def _fill_text(folder: Path) -> None:
    (folder / "notes.txt").write_text("words")


def _fill_one(folder: Path) -> None:
    photos(folder, 1)


BAD: list[tuple[Callable[[Path], object], list[str]]] = [
    (lambda folder: None, ["holds nothing to learn from"]),
    (_fill_text, ["holds nothing to learn from", "1 .txt"]),
    (_fill_broken, ["none of the 3 files", "can be read", "0.jpg"]),
    (_fill_one_colour, ["the same single colour"]),
    (_fill_one, ["holds one image only"]),
]


@pytest.mark.parametrize("command", ["suggest", "train"])
@pytest.mark.parametrize(("fill", "words"), BAD, ids=["empty", "text", "broken", "one-colour", "one"])
def test_bad_folders_are_refused_and_leave_nothing(
    tilework: Command, there: Path, command: str, fill: Callable[[Path], object], words: list[str]
) -> None:
    (there.parent / "bad").mkdir()
    fill(there.parent / "bad")
    refused(tilework(command, "../bad"), *words)
    assert not list(there.iterdir())
    assert not (there.parent / "runs").exists()


@pytest.mark.parametrize("command", ["suggest", "train"])
def test_a_folder_that_may_not_be_read(
    tilework: Command, there: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    import os

    real, locked = os.scandir, there.parent / "pets"

    def scandir(path: Any = ".") -> Any:  # the tests may run as root, whom no mode stops
        if not isinstance(path, int) and Path(path) == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    refused(tilework(command, "../pets"), f"{locked} cannot be listed", "permission denied")
    assert not list(there.iterdir())


def test_what_is_not_there_and_what_is_no_image(tilework: Command, there: Path) -> None:
    refused(tilework("train", "../nowhere/pets"), "there is no file or folder")
    refused(tilework("suggest", "nowhere"), "there is no file or folder")
    (there / "x.svg").write_text("<svg/>")
    refused(tilework("train", "x.svg"), "nothing here reads", "not of pixels")
    (there / "spec.yaml").write_text("name: x")
    refused(tilework("suggest", "spec.yaml"), "spec.yaml is nothing to learn from", "tilework check spec.yaml")
    refused(tilework("suggest"), "needs a folder or files")
    refused(tilework("suggest", "../pets", "--out", "no/folder.yaml"), "there is no folder")


def test_three_images_are_trained_and_reported_to_be_few(tilework: Command, there: Path) -> None:
    photos(there.parent / "few", 3)
    done = tilework("train", "../few", *TINY)
    assert done.code == 0, done.err
    assert "3 images" in done.out
    assert "learned by heart" in done.out


def test_files_that_vanish_before_they_are_prepared_leave_no_run(
    tilework: Command, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tilework.suggest import proposing

    real = proposing.look

    def look(paths: Any) -> Any:
        found = real(paths)
        shutil.rmtree(there.parent / "pets")
        return found

    monkeypatch.setattr(proposing, "look", look)
    refused(tilework("train", "../pets", *TINY), "pets", "does not exist")
    assert not (there.parent / "runs").exists() or not list((there.parent / "runs").iterdir())


def test_several_processes_are_asked_to_agree_first(
    tilework: Command, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    refused(tilework("train", "../pets"), "tilework suggest ../pets --out spec.yaml")
