"""What is seen at some paths, and what is chosen for it: facts and reasons as values, no words."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_folders import STEP_SECONDS, animation, clip, photo, photos, steady  # noqa: F401
from PIL import Image

from tilework.data.catalogue.classes import files_below
from tilework.errors import UserError
from tilework.spec import Size, load_spec
from tilework.spec.load import parse_spec, read_yaml
from tilework.suggest import choosing, listing
from tilework.suggest.facts import Facts, Looks
from tilework.suggest.looking import look
from tilework.suggest.proposing import suggest
from tilework.suggest.samples import FEWEST, samples
from tilework.suggest.words import lines, yaml_text

pytestmark = pytest.mark.usefixtures("steady")


def looks(width: int, height: int, **more: Any) -> Looks:
    return Looks(**{"size": Size(width, height), "one_size": True, "one_shape": True, "colour": True, "plain": 0.0,
                    "one_colour": False, **more})  # fmt: skip


def facts(images: int, kind: str = "images", **more: Any) -> Facts:
    return Facts(**{"data": {"kind": kind, "path": "x"}, "things": images, "images": images, "counted": True, "labels": 0,
                    "looks": looks(100, 100), "looked_at": 10, **more})  # fmt: skip


def texts_of(proposal: Any) -> dict[str, str]:
    return {line.about: line.text for line in lines(proposal)}


def codes(reasons: list[Any]) -> list[str]:
    return [one.code for one in reasons]


@pytest.mark.parametrize(
    ("seen", "size", "why"),
    [
        (looks(28, 28), Size(28, 28), "own-size"),
        (looks(70, 50), Size(68, 48), "own-size"),
        (looks(500, 500), Size(64, 64), "square"),
        (looks(640, 360), Size(88, 48), "own-shape"),
        (looks(360, 640), Size(48, 88), "own-shape"),
        (looks(500, 333, one_size=False, one_shape=False), Size(64, 64), "cropped"),
        (looks(9000, 100), Size(64, 64), "cropped"),
        (looks(40, 30, one_size=False, one_shape=False), Size(28, 28), "cropped"),
        (None, Size(64, 64), "not-drawn-yet"),
    ],
)
def test_the_size_follows_the_images(seen: Looks | None, size: Size, why: str) -> None:
    found, reasons = choosing.size_for(seen)
    assert found == size
    assert codes(reasons) == [why]
    assert not found.width % choosing.STRIDE
    assert not found.height % choosing.STRIDE


@pytest.mark.parametrize(
    ("images", "channels", "found"), [(100_000, 3, 1024), (100_000, 1, 512), (60, 3, 256), (3, 3, 8)]
)
def test_codes_are_as_many_as_the_tokens_fill(images: int, channels: int, found: int) -> None:
    chosen, reasons = choosing.codes_for(facts(images), Size(64, 64), channels)
    assert chosen == found
    tokens = reasons[0].values["tokens"]
    assert isinstance(tokens, int)
    assert chosen * choosing.TOKENS_FOR_A_CODE <= tokens or chosen == 2
    assert codes(reasons) == ["enough-tokens" if chosen == choosing.MOST_CODES[channels] else "few-tokens"]


def test_steps_fill_the_time_unless_the_set_is_small_or_the_machine_slow() -> None:
    assert choosing.steps_for(5_000, 16, 10, 0.05)[0] == 11_000
    assert codes(choosing.steps_for(5_000, 16, 10, 0.05)[1]) == ["fills-the-time"]
    assert codes(choosing.steps_for(40, 16, 10, 0.05)[1]) == ["small-set"]
    steps, reasons = choosing.steps_for(5_000, 16, 10, 30.0)
    assert steps == choosing.FEWEST_STEPS
    assert codes(reasons) == ["slow"]


def test_a_folder_of_photographs(tmp_path: Path) -> None:
    photos(tmp_path / "My Photos!", 90, labels=3, width=200, height=200)
    (tmp_path / "My Photos!" / "class0" / "broken.png").write_text("no image")
    found = suggest([str(tmp_path / "My Photos!")])
    assert found.name == "my-photos"
    assert (found.facts.things, found.facts.labels, found.facts.counted) == (91, 3, True)
    assert found.facts.looks == looks(200, 200)
    assert [file for file, _ in found.facts.left_out] == ["class0/broken.png"]
    assert found.choices.grid == Size(16, 16)
    assert {"few-tokens", "left-out", "small-set"} <= set(codes(list(found.reasons)))
    texts = texts_of(found)
    assert list(texts) == ["data", "size", "tokens", "training"]
    assert "class0/broken.png" in texts["data"]
    # What is written is a spec, as it is.
    spec = parse_spec(read_yaml(yaml_text(found), "suggested"))
    assert spec.model_dump()["bottleneck"]["codes"] == found.choices.codes
    assert spec.engine.steps == found.choices.steps
    assert f"{1 / STEP_SECONDS:.3g} steps/s" in texts["training"]


def test_grey_and_colour_are_distinguished(tmp_path: Path) -> None:
    for number in range(40):
        image = photo(number)
        # Scans in grey that are stored as colour.
        (image.convert("L").convert("RGB") if number else image).save(tmp_path / f"{number}.png")
    found = suggest([str(tmp_path)])
    assert found.choices.channels == 1  # one of forty is an exception
    photo(99).save(tmp_path / "99.png")
    photo(98).save(tmp_path / "98.png")
    assert suggest([str(tmp_path)]).choices.channels == 3


def test_animations_clips_and_single_files(tmp_path: Path) -> None:
    animation(tmp_path / "moving" / "one.gif", 12)
    animation(tmp_path / "moving" / "two.gif", 6)
    moving = suggest([str(tmp_path / "moving")])
    assert (moving.facts.kind, moving.facts.things, moving.facts.images) == ("animations", 2, 18)
    clip(tmp_path / "clips" / "a.mp4", 30, 64, 36)
    clips = suggest([str(tmp_path / "clips")])
    assert (clips.facts.kind, clips.facts.images, clips.choices.size) == ("video", 30, Size(64, 36))
    alone = suggest([str(tmp_path / "moving" / "one.gif")])
    assert (alone.name, alone.facts.images) == ("one", 12)
    both = suggest([str(tmp_path / "moving" / "one.gif"), str(tmp_path / "moving" / "two.gif")])
    assert (both.name, both.facts.things) == ("moving", 2)


def test_long_clips_are_drawn_from(tmp_path: Path) -> None:
    drawn, reasons = choosing.drawn_for(facts(100_000, "video"))
    assert drawn == choosing.MOST_FRAMES
    assert codes(reasons) == ["frames-drawn"]
    assert choosing.drawn_for(facts(100, "video")) == (None, [])


def test_arrays_and_sketches(tmp_path: Path) -> None:
    np.save(tmp_path / "digits.npy", np.random.default_rng(0).integers(0, 256, (300, 28, 28), dtype=np.uint8))
    found = suggest([str(tmp_path / "digits.npy")])
    assert (found.facts.images, found.choices.size, found.choices.channels) == (300, Size(28, 28), 1)
    (tmp_path / "sketches").mkdir()
    (tmp_path / "sketches" / "sketch.js").write_text("function setup() { createCanvas(90, 90) }\nfunction draw() {}")
    drawn = suggest([str(tmp_path / "sketches")])
    assert (drawn.facts.kind, drawn.facts.things, drawn.facts.images) == ("sketches", 1, 180)
    assert "not-drawn-yet" in codes(list(drawn.reasons))


def test_very_many_files_are_counted_as_far_as_the_time_allows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos(tmp_path, 60)
    seen: list[Path] = []
    monkeypatch.setattr(listing, "files_below", lambda top: (seen.append(file) or file for file in files_below(top)))
    opened: list[str] = []
    monkeypatch.setattr("tilework.suggest.samples._still", opened.append)
    moments = iter(range(10**6))
    monkeypatch.setattr(listing.time, "monotonic", lambda: next(moments))
    found = listing.listed("images", [str(tmp_path)], seconds=20.5)
    assert not found.whole
    assert 15 < len(found.files) < 25
    assert len(seen) < 25, "listing went on behind its time"
    monkeypatch.undo()
    monkeypatch.setattr("tilework.suggest.pace.step_seconds", lambda spec, images: STEP_SECONDS)
    monkeypatch.setattr(listing, "MOST_FILES", 50)
    proposal = suggest([str(tmp_path)])
    assert not proposal.facts.counted
    assert "more-than-counted" in codes(list(proposal.reasons))
    assert texts_of(proposal)["data"].startswith("more than 50 images")


def test_as_many_files_are_opened_whatever_their_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos(tmp_path, 130)
    found = look([str(tmp_path)])
    assert found.facts.images == 130
    assert found.facts.looked_at == len(found.images) == 96


def test_a_slow_disk_has_some_files_opened_all_the_same(tmp_path: Path) -> None:
    photos(tmp_path, 40)
    found = listing.listed("images", [str(tmp_path)], 60.0)
    opened = samples("images", found.files, seconds=0.0)
    assert len(opened) == FEWEST
    names = [one.file for one in opened]
    assert names == sorted(names)
    assert int(names[0][:5]) < 10 < 30 < int(names[-1][:5])  # spread over all of them


@pytest.mark.parametrize("how", ["folder", "files"])
def test_what_goes_away_while_it_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    import shutil

    from tilework.suggest import looking

    photos(tmp_path / "drive", 20)
    real = looking.listed

    def listed(*given: Any) -> Any:
        found = real(*given)
        if how == "folder":
            shutil.rmtree(tmp_path / "drive")
        else:
            for file in (tmp_path / "drive").iterdir():
                file.unlink()
        return found

    monkeypatch.setattr(looking, "listed", listed)
    with pytest.raises(UserError) as refused:
        suggest([str(tmp_path / "drive")])
    if how == "folder":
        assert "is not there any more" in refused.value.what
    else:
        assert refused.value.what.startswith("none of the 20 files")
        assert "no such file" in refused.value.why.lower()
    assert refused.value.fix


def test_one_that_goes_away_is_listed_and_the_others_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tilework.suggest import looking

    photos(tmp_path, 20)
    real = looking.listed

    def listed(*given: Any) -> Any:
        found = real(*given)
        (tmp_path / "00003.png").unlink()
        return found

    monkeypatch.setattr(looking, "listed", listed)
    assert [file for file, _ in suggest([str(tmp_path)]).facts.left_out] == ["00003.png"]


def test_one_colour_is_refused_and_several_are_not(tmp_path: Path) -> None:
    for number in range(6):
        Image.new("RGB", (40, 40), (9, 200, 30)).save(tmp_path / f"{number}.png")
    with pytest.raises(UserError, match="same single colour"):
        suggest([str(tmp_path)])
    for number in range(6):
        Image.new("RGB", (40, 40), (40 * number, 9, 30)).save(tmp_path / f"{number}.png")
    assert "mostly-plain" in codes(list(suggest([str(tmp_path)]).reasons))


def test_mixed_kinds_are_reported(tmp_path: Path) -> None:
    photos(tmp_path, 20)
    clip(tmp_path / "a.mp4", 4, 32, 32)
    (tmp_path / "notes.txt").write_text("a text")
    found = suggest([str(tmp_path)])
    assert found.facts.kind == "images"
    assert "1 videos" in texts_of(found)["data"]


def test_the_head_of_the_file_stays_a_comment(tmp_path: Path) -> None:
    photos(tmp_path, 6)
    (tmp_path / "a\nname: other.png").write_text("no image")
    text = yaml_text(suggest([str(tmp_path)]))
    assert read_yaml(text, "suggested")["name"] != "other.png"
    assert [line for line in text.splitlines() if line.startswith("name:")] == [f"name: {read_yaml(text, '')['name']}"]


def test_a_step_is_really_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    import torch

    from tilework.suggest.pace import step_seconds

    monkeypatch.setattr("tilework.suggest.pace._MOST", 4)
    before = torch.get_rng_state()
    images = [np.asarray(photo(number)) for number in range(3)]
    overrides = ("encoder.widths=[8, 8]", "decoder.widths=[8, 8]", "engine.batch_size=2", "bottleneck.codes=8")
    began = time.monotonic()
    took = step_seconds(load_spec("p5-sharp-colour", overrides), images)  # type: ignore[arg-type]
    assert 0 < took < time.monotonic() - began
    assert torch.equal(before, torch.get_rng_state())
    assert not list(tmp_path.iterdir())
