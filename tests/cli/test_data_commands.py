"""`tilework data`: add, list, show, check, remove; data sets and paths in recipes; what goes wrong."""

from __future__ import annotations

import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import children
import numpy as np
import pytest
from commands import PATIENCE, SMALL, Outcome
from PIL import Image

from tilework.data.catalogue.detect import detect
from tilework.data.catalogue.sets import data_set, names, sets_folder
from tilework.spec import load_spec
from tilework.spec.paths import cache_folder

Command = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def _own_cache(_own_folders: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILEWORK_CACHE", str(tmp_path / "cache"))


def image(seed: int, side: int = 20) -> Image.Image:
    small = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Twelve images in two classes, one exact copy, one broken file."""
    folder = tmp_path / "my photos"
    for n in range(12):
        path = folder / ("cats", "dögs")[n % 2] / f"{n}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image(n).save(path)
    shutil.copy(folder / "cats" / "0.png", folder / "cats" / "again.png")
    (folder / "cats" / "text.png").write_text("this is no image")
    return folder


def refused(outcome: Outcome, *words: str) -> None:
    assert outcome.code == 2, outcome
    assert outcome.err.count("error:") == outcome.err.count("fix:") == 1, outcome.err
    assert "Traceback" not in outcome.err
    for word in words:
        assert word in outcome.err, f"{word!r} is not in {outcome.err!r}"


def test_add_list_show_check_remove(tilework: Command, photos: Path) -> None:
    done = tilework("data", "add", "pets", photos, "--size", "16x12", "--gray", "--fit", "pad")
    assert done.code == 0, done.err
    assert "13 images of 16x12 in grey" in done.out
    assert "cats/text.png: it is not an image in a known format" in done.out
    listed = tilework("data", "list")
    assert "pets" in listed.out
    assert "16x12 grey" in listed.out
    assert "ready" in listed.out
    shown = tilework("data", "show", "pets", "--grid", "4x3")
    assert shown.code == 0, shown.err
    for words in (
        "13 of 16x12 in grey",
        "2: cats 7, dögs 6",
        "by cluster",
        "held-out images have a near twin in training",
        "exact: 1 copies in 1 set",
        "cats/0.png, cats/again.png",
        "a grid of 4x3 gives",
        "text.png",
        str(sets_folder() / "pets.png"),
    ):
        assert words in shown.out, words
    with Image.open(sets_folder() / "pets.png") as sheet:
        assert sheet.width > 200
        assert len(np.unique(np.asarray(sheet.convert("L")))) > 50
    assert tilework("data", "check", "pets").code == 0
    gone = tilework("data", "remove", "pets")
    assert gone.code == 0
    assert gone.out.count("removed") == 3
    assert names() == []
    assert not [p for p in (cache_folder() / "frames").iterdir() if p.is_dir()]
    assert (photos / "cats" / "0.png").is_file()
    assert "No data sets" in tilework("data", "list").out


def test_show_reports_what_is_wrong_with_the_split_and_shows_the_rest(tilework: Command, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    image(0).save(tmp_path / "one" / "a.gif", save_all=True, append_images=[image(1), image(2)])
    assert tilework("data", "add", "one", tmp_path / "one", "--size", "16", "--set", "split.by=group").code == 0
    shown = tilework("data", "show", "one")
    assert shown.code == 0, shown.err
    for words in (
        "3 of 16x16",
        "leaves the validation side empty",
        "fix: give more groups",
        "codebook",
        "contact sheet",
    ):
        assert words in shown.out, words
    assert (sets_folder() / "one.png").is_file()
    assert tilework("data", "check", "one").code == 1


def test_an_own_split_and_what_was_left_out_are_reported(tilework: Command, tmp_path: Path) -> None:
    for n in range(12):
        path = tmp_path / "in" / ("train", "train", "val")[n % 3] / "ab"[n % 2] / f"{n}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image(n).save(path)
    (tmp_path / "in" / "notes.txt").write_text("x")
    (tmp_path / "in" / "train" / "a" / "x.svg").write_text("<svg/>")
    added = tilework("data", "add", "pets", tmp_path / "in", "--size", "16")
    shown, checked = tilework("data", "show", "pets"), tilework("data", "check", "pets")
    for done in (added, shown):
        assert done.code == 0, done.err
        for words in (
            "train for training, val for validation",
            "split.official=false",
            "folders=labels",
            "1 .txt",
            "x.svg",
        ):
            assert words in done.out, words
    assert "2: a 6, b 6" in shown.out
    assert "by official: 8 train, 4 held out" in shown.out
    assert "by official (train, val): 8 train, 4 held out" in checked.out
    assert "1 .txt: left alone" in checked.out
    anew = tilework("data", "add", "anew", tmp_path / "in", "--size", "16", "--set", "split.official=false")
    assert anew.code == 0
    assert "by cluster" in tilework("data", "show", "anew").out
    classes = tilework("data", "add", "parts", tmp_path / "in", "--size", "16", "--set", "folders=labels")
    assert "2 classes" in classes.out
    assert "2: train 8, val 4" in tilework("data", "show", "parts").out


def test_show_goes_on_where_the_files_are_gone(tilework: Command, photos: Path) -> None:
    assert tilework("data", "add", "pets", photos, "--size", "16").code == 0
    shutil.rmtree(photos)
    shown = tilework("data", "show", "pets")
    assert shown.code == 0, shown.err
    assert "13 of 16x16" in shown.out
    assert "there is no folder" in shown.out


def test_check_finds_what_is_wrong(tilework: Command, photos: Path) -> None:
    assert tilework("data", "add", "pets", photos, "--size", "16").code == 0
    image(99).save(photos / "cats" / "new.png")
    changed = tilework("data", "check", "pets")
    assert changed.code == 1
    assert "added, removed or changed" in changed.out
    assert "14 of 16x16" in tilework("data", "show", "pets").out  # prepared anew
    assert tilework("data", "check", "pets").code == 0
    folder = data_set("pets").store_folder
    assert folder is not None
    content = bytearray((folder / "frames-0000.npy").read_bytes())
    content[-1] ^= 1
    (folder / "frames-0000.npy").write_bytes(content)
    damaged = tilework("data", "check", "pets")
    assert damaged.code == 1
    assert "damaged" in damaged.out
    shutil.rmtree(photos)
    gone = tilework("data", "check", "pets")
    assert gone.code == 1
    assert "there is no folder" in gone.out
    shutil.rmtree(folder)
    assert "no longer in the cache" in tilework("data", "check", "pets").out


def test_check_reports_that_a_split_by_frame_leaks(tilework: Command, tmp_path: Path) -> None:
    first = image(0)
    for n in range(20):
        (tmp_path / "clip").mkdir(exist_ok=True)
        Image.fromarray(np.roll(np.asarray(first), n // 4, axis=1)).save(tmp_path / "clip" / f"{n:03}.png")
    assert tilework("data", "add", "a", tmp_path / "clip", "--size", "16", "--set", "split.by=frame").code == 0
    checked = tilework("data", "check", "a")
    assert checked.code == 1
    assert "by frame" in checked.out
    assert "% are within 2 frames of a training image" in checked.out
    shown = tilework("data", "show", "a").out
    assert "nothing keeps their neighbours and near twins apart" in shown


def test_a_recipe_takes_a_data_set_or_a_path(tilework: Command, photos: Path, tmp_path: Path) -> None:
    assert tilework("data", "add", "pets", photos, "--size", "16x12", "--drop-duplicates", "--seed", "7").code == 0
    spec = load_spec("minerl-v1.0.1", ["data=pets"]).data
    assert (spec.kind, str(spec.size), spec.channels) == ("images", "64x64", 3)
    assert (spec.path, spec.duplicates, spec.split.seed) == (str(photos), "drop", 7)
    assert str(load_spec("rqvae-digits", ["data=pets"]).data.size) == "28x28"
    assert load_spec("rqvae-digits", ["data=pets"]).data.channels == 1
    assert str(load_spec("rqvae-digits", ["data=pets", "data.size=32"]).data.size) == "32x32"
    assert load_spec("minerl-v1.0.1", [f"data={photos}"]).data.path == str(photos)
    own = tmp_path / "own.yaml"
    own.write_text(_recipe_with_data("pets"))
    assert str(load_spec(str(own)).data.size) == "16x12"
    done = tilework("train", "rqvae-digits", "data=pets", *SMALL, "engine.batch_size=4", "bottleneck.codes=4")
    assert done.code == 0, done.err
    assert "11 images to train on" in done.out or "10 images to train on" in done.out, done.out
    page = tilework("report", "last")
    assert page.code == 0
    from tilework.runs.folder import RunFolder

    text = (RunFolder.find("last").path / "report.html").read_text(encoding="utf-8")
    assert "clusters of near twins are on one side; 0 of " in text
    refused(tilework("train", "rqvae-digits", "data=pet"), "there is no kind 'pet'", "write pets")
    refused(tilework("train", "rqvae-digits", "data=./pets"), "check the spelling of the path")


def _recipe_with_data(name: str) -> str:
    import yaml

    from tilework.spec import recipe_text

    raw = yaml.safe_load(recipe_text("rqvae-digits"))
    raw["data"] = name
    return str(yaml.safe_dump(raw))


def test_a_path_of_the_same_kind_keeps_the_recipes_other_settings(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a.mp4").write_bytes(b"-")
    data = load_spec("minerl-v1.0.1", [f"data={tmp_path / 'clips'}"]).data
    assert (data.kind, data.skip, data.every) == ("video", 20, 2)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["add", "x"], ["needs a file or folder", "tilework data add x PATH"]),
        (["add", "x", "nowhere"], ["there is no file or folder", "check the spelling"]),
        (["add", "x", "owner/name"], ["--kind hub"]),
        (["add", "x", "EMPTY"], ["holds nothing to learn from"]),
        (["add", "digits", "PHOTOS"], ["cannot be the name of a data set", "my-digits"]),
        (["add", "../x", "PHOTOS"], ["cannot be the name of a data set"]),
        (["add", "x", "PHOTOS", "--every", "2"], ["--every means nothing here", "belongs to video"]),
        (["add", "x", "PHOTOS", "--size", "big"], ["data.size", "128x72"]),
        (["add", "x", "PHOTOS", "--fit", "squeeze"], ["data.fit"]),
        (["add", "x", "PHOTOS", "--kind", "movies"], ["there is no kind 'movies'"]),
        (["add", "x", "PHOTOS", "--set", "group"], ["is not an override"]),
        (["add", "x", "PHOTOS", "--set", "grup=folder"], ["unknown key data.grup", "group"]),
        (["add", "x", "PHOTOS", "--strict"], ["text.png cannot be read", "repair or remove"]),
        (["add", "x", "MIXED"], ["different things"]),
        (["add", "x", "UNKNOWN"], ["nothing here reads", "--kind"]),
        (["show", "y"], ["there is no data set 'y'", "tilework data add"]),
        (["check", "y"], ["there is no data set 'y'"]),
        (["remove", "y"], ["there is no data set 'y'"]),
        (["show", "y", "--grid", "wide"], ["--grid wide is not a grid"]),
    ],
)
def test_mistakes(tilework: Command, photos: Path, tmp_path: Path, words: list[str], expected: list[str]) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.npy").write_bytes(b"")
    (tmp_path / "a.xyz").write_bytes(b"")
    stands = {
        "PHOTOS": [photos], "EMPTY": [tmp_path / "empty"], "MIXED": [photos, tmp_path / "a.npy"],
        "UNKNOWN": [tmp_path / "a.xyz"],
    }  # fmt: skip
    refused(tilework("data", *(w for word in words for w in stands.get(word, [word]))), *expected)
    assert names() == []


def test_a_name_is_taken_once(tilework: Command, photos: Path) -> None:
    assert tilework("data", "add", "pets", photos, "--size", "16").code == 0
    assert tilework("data", "add", "pets", photos, "--size", "16").code == 0
    refused(tilework("data", "add", "pets", photos, "--size", "17"), "already", "tilework data remove pets")


def test_two_sets_share_prepared_images(tilework: Command, photos: Path) -> None:
    assert tilework("data", "add", "one", photos, "--size", "16").code == 0
    assert tilework("data", "add", "two", photos, "--size", "16", "--seed", "3").code == 0
    assert data_set("one").frames == data_set("two").frames
    tilework("data", "remove", "one")
    assert tilework("data", "check", "two").code == 0


def test_a_damaged_entry_is_reported_and_can_be_removed(tilework: Command, photos: Path) -> None:
    assert tilework("data", "add", "pets", photos, "--size", "16").code == 0
    (sets_folder() / "pets.yaml").write_text("name: [")
    assert "damaged" in tilework("data", "list").out
    refused(tilework("data", "show", "pets"), "is not a data set", "tilework data remove pets")
    assert tilework("data", "remove", "pets").code == 0
    assert names() == []


def test_a_catalogue_that_cannot_be_written(
    tilework: Command, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("a file where the folder belongs")
    monkeypatch.setenv("TILEWORK_DATA_SETS", str(tmp_path / "file"))
    refused(tilework("data", "add", "pets", photos, "--size", "16"), "cannot be written", "TILEWORK_DATA_SETS")


def test_ctrl_c_and_the_same_command_again(tilework: Command, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for n in range(300):
        image(n).save(folder / f"{n}.png")
    code = (
        "import sys, time; from tilework.data.store import partial; partial.COMMIT_SECONDS = 0.01\n"
        "import tilework.cli.preparing as p\n"
        "p.Preparing.__call__ = lambda self, done: time.sleep(0.01)\n"
        f"sys.argv = ['tilework', 'data', 'add', 'many', {str(folder)!r}, '--size', '16']\n"
        "from tilework.cli import main; main()"
    )
    child = children.start([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + PATIENCE
    journal = None
    while time.monotonic() < deadline and child.poll() is None:
        found = list((cache_folder() / "frames").glob(".*.partial/journal.jsonl"))
        if found and found[0].read_bytes().count(b"\n") > 3:
            journal = found[0]
            break
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=PATIENCE)
    assert journal is not None, err
    assert child.returncode == 130, err
    assert "The same command goes on where it stopped" in out
    assert "not finished" in tilework("data", "list").out
    done = tilework("data", "add", "many", folder, "--size", "16")
    assert done.code == 0
    assert "going on behind image" in done.out
    assert "300 images" in done.out
    assert tilework("data", "check", "many").code == 0


# What lies at a path -------------------------------------------------------------------------------------------------


def test_what_is_there_decides_the_kind(tmp_path: Path) -> None:
    def at(*paths: str) -> tuple[str, object]:
        found = detect([str(tmp_path / p) for p in paths]).settings
        return found["kind"], found.get("path")

    for place in ("flat", "moving/a", "moving/b", "numbered"):
        (tmp_path / place).mkdir(parents=True)
    for n in range(6):
        image(n).save(tmp_path / "flat" / f"pic{n * 7}.png")
        image(n).save(tmp_path / "numbered" / f"IMG_{n:04}.jpg")
        for one in "ab":
            shifted = np.roll(np.asarray(image(ord(one))), n // 2, axis=0)
            Image.fromarray(shifted).save(tmp_path / "moving" / one / f"frame_{n}.png")
    assert at("flat") == ("images", str(tmp_path / "flat"))
    assert at("flat", "numbered") == ("images", [str(tmp_path / "flat"), str(tmp_path / "numbered")])
    assert at("flat/pic0.png") == ("images", str(tmp_path / "flat" / "pic0.png"))
    assert at("moving")[0] == "frames"
    assert at("numbered")[0] == "images"  # numbers alone make no animation
    image(0).save(tmp_path / "still.webp")
    image(0).save(tmp_path / "moves.webp", save_all=True, append_images=[image(1)])
    image(0).save(tmp_path / "a.gif")
    assert at("still.webp")[0] == "images"
    assert at("moves.webp")[0] == "animations"
    assert at("a.gif")[0] == "animations"
    np.save(tmp_path / "a.npy", np.zeros((2, 4, 4), np.uint8))
    assert at("a.npy") == ("array", str(tmp_path / "a.npy"))
    (tmp_path / "sk" / "one").mkdir(parents=True)
    (tmp_path / "sk" / "one" / "sketch.js").write_text("")
    image(0).save(tmp_path / "sk" / "one" / "texture.png")
    assert at("sk")[0] == "sketches"
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "x.MP4").write_bytes(b"")
    image(0).save(tmp_path / "clips" / "cover.png")
    (tmp_path / "clips" / "y.mov").write_bytes(b"")
    assert at("clips")[0] == "video"
    assert "also holds 1 images" in detect([str(tmp_path / "clips")]).note
    for part in ("train", "t10k"):
        for what in ("images-idx3", "labels-idx1"):
            (tmp_path / "idx").mkdir(exist_ok=True)
            shape = (1, 2, 2) if "idx3" in what else (1,)
            head = struct.pack(f">{1 + len(shape)}I", 0x800 + len(shape), *shape)
            (tmp_path / "idx" / f"{part}-{what}-ubyte").write_bytes(head + bytes(4))
    assert at("idx") == ("mnist", str(tmp_path / "idx"))
    assert at("idx/train-images-idx3-ubyte") == ("mnist", str(tmp_path / "idx"))
    (tmp_path / "flat" / "up").symlink_to(tmp_path / "flat", target_is_directory=True)
    assert at("flat")[0] == "images"


def test_real_folders_are_what_they_are(real_data: Path) -> None:
    kinds = {"flowers": "images", "emoji": "images", "gifs": "animations", "games": "video", "MNIST": "mnist"}
    assert {name: detect([str(real_data / name)]).settings["kind"] for name in kinds} == kinds


def test_a_leak_is_measured_however_large_the_set(
    tilework: Command, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tilework.data.split.sides._LEAK_LIMIT", 0)
    assert tilework("data", "add", "pets", photos, "--size", "16", "--set", "split.by=group").code == 0
    assert "held-out images have a near twin in training" in tilework("data", "show", "pets").out
    assert "closely resemble" in tilework("data", "check", "pets").out


def test_sets_can_be_made_from_python(photos: Path) -> None:
    from tilework.data import add_data_set, data_set, data_sets
    from tilework.spec import SOURCES

    entry, store = add_data_set("pets", SOURCES.parse({"kind": "images", "path": str(photos), "size": 16}))
    assert data_sets() == ["pets"]
    assert data_set("pets").content_hash == entry.content_hash == store.content_hash
    assert os.path.isdir(store.folder)


def test_check_of_files_with_other_times_looks_at_their_content(tilework: Command, photos: Path) -> None:
    assert tilework("data", "add", "pets", photos, "--size", "16").code == 0
    files = sorted(photos.rglob("*.png"))
    for file in files:
        os.utime(file, (1_000_000_000, 1_000_000_000))
    touched = tilework("data", "check", "pets")
    assert touched.code == 0, touched.out
    assert "the same images come out" in touched.out
    image(98).save(files[-1])
    os.utime(files[-1], (1_000_000_000, 1_000_000_000))
    changed = tilework("data", "check", "pets")
    assert changed.code == 1
    assert "added, removed or changed" in changed.out
