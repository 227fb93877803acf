"""Folders that are an author's split, with classes below them; and folders that only look like one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made_media import animation, clip, image, levels
from PIL import Image

from tilework.cli.seen import beside
from tilework.data import prepare, split_by
from tilework.data.files.layout import layout_of
from tilework.errors import UserError
from tilework.spec import SOURCES


def fill(top: Path, folders: str, each: int = 3) -> Path:
    """Images of noise in each of these folders (words), all different."""
    for number, folder in enumerate(folders.split()):
        for n in range(each):
            path = top / folder / f"{n}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            noise = np.random.default_rng([number, n]).integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(noise).save(path)
    return top


def images(path: Path, **more):
    return SOURCES.parse({"kind": "images", "path": str(path), "size": 8, **more})


def groups_of(source) -> dict[str, tuple[str | None, bool | None]]:
    """(label, held out) of each folder's images."""
    return {item.file.rpartition("/")[0]: (item.label, item.held_out) for item in source.items()}


@pytest.mark.parametrize(
    ("train", "other"),
    [
        ("train", "val"), ("train", "test"), ("Training", "Testing"), ("TRAIN", "Valid"), ("train", "validation"),
        ("train", "dev"), ("train", "eval"), ("training_set", "test_set"), ("train2017", "val2017"),
        ("train-images", "test-images"),
    ],
)  # fmt: skip
def test_train_and_what_does_not_train(tmp_path, train, other):
    fill(tmp_path, f"{train}/cat {train}/dog {other}/cat {other}/dog")
    source = images(tmp_path)
    assert groups_of(source) == {
        f"{train}/cat": ("cat", False),
        f"{train}/dog": ("dog", False),
        f"{other}/cat": ("cat", True),
        f"{other}/dog": ("dog", True),
    }
    assert source.seen().parts == {train: False, other: True}
    store = prepare(source)
    assert store.classes == ("cat", "dog")
    split = split_by(store, source.split)
    assert split.by == "official"
    assert all(store.file_of(int(i)).startswith(other) for i in split.validation)
    assert (len(split.train), len(split.validation)) == (6, 6)
    assert "own split is kept" in split.summary
    assert store.seen.parts == {train: False, other: True}


LAYOUTS = {
    "three parts": ("train/a val/a test/a", {"train/a": ("a", False), "val/a": ("a", True), "test/a": ("a", True)}),
    "without classes": ("train val", {"train": (None, False), "val": (None, True)}),
    "a part without classes": ("train/a train/b test", {"train/a": ("a", False), "train/b": ("b", False), "test": (None, True)}),
    "wrapped": ("x/y/train/a x/y/test/a", {"x/y/train/a": ("a", False), "x/y/test/a": ("a", True)}),
    "below images": ("images/train images/val", {"images/train": (None, False), "images/val": (None, True)}),
    "images below": ("train/images valid/images", {"train/images": (None, False), "valid/images": (None, True)}),
    "classes below images": ("train/images/a val/images/a", {"train/images/a": ("a", False), "val/images/a": ("a", True)}),
    "deep classes": ("train/a/x train/a/y val/a", {"train/a/x": ("a", False), "train/a/y": ("a", False), "val/a": ("a", True)}),
    "classes first": (
        "a/train a/test b/train b/test",
        {"a/train": ("a", False), "a/test": ("a", True), "b/train": ("b", False), "b/test": ("b", True)},
    ),
    "pairs of domains": (
        "trainA trainB testA testB",
        {"trainA": ("A", False), "trainB": ("B", False), "testA": ("A", True), "testB": ("B", True)},
    ),
    "numbered": ("train test1", {"train": (None, False), "test1": (None, True)}),
    "train alone": ("train/a train/b", {"train/a": ("a", None), "train/b": ("b", None)}),
    "test alone": ("test/a test/b", {"test/a": ("a", None), "test/b": ("b", None)}),
    "no part trains": ("test/a val/a", {"test/a": ("a", None), "val/a": ("a", None)}),
    "no part trains, below another": ("x/test x/val", {"x/test": (None, None), "x/val": (None, None)}),
    "every part trains": ("train1/a train2/b", {"train1/a": ("a", None), "train2/b": ("b", None)}),
    "one side of two domains": ("trainA trainB", {"trainA": ("trainA", None), "trainB": ("trainB", None)}),
    # What follows is no split: all is as it always was.
    "a class called test": ("car dog test train", {k: (k, None) for k in ("car", "dog", "test", "train")}),
    "a class without parts": ("a/train a/test b/old", {"a/train": ("a", None), "a/test": ("a", None), "b/old": ("b", None)}),
    "a class only tests": ("a/train a/test b/test", {"a/train": ("a", None), "a/test": ("a", None), "b/test": ("b", None)}),
    "classes": ("a b", {"a": ("a", None), "b": ("b", None)}),
    "one wrapped class": ("a/b", {"a/b": ("a", None)}),
    "names that only begin so": ("trains vale", {"trains": ("trains", None), "vale": ("vale", None)}),
}  # fmt: skip


@pytest.mark.parametrize("name", list(LAYOUTS))
def test_layouts(tmp_path, name):
    folders, expected = LAYOUTS[name]
    assert groups_of(images(fill(tmp_path, folders))) == expected


def test_folders_that_look_like_a_split_beside_others_are_named(tmp_path):
    source = images(fill(tmp_path, "train test ground_truth"))
    list(source.items())
    assert source.seen().beside == ("ground_truth",)
    assert source.seen().parts == {}


def test_an_image_beside_the_parts_is_on_neither_side_and_reported(tmp_path):
    fill(tmp_path, "train/a val/a")
    image(tmp_path / "montage.png", 200)
    source = images(tmp_path)
    assert groups_of(source) == {"train/a": ("a", False), "val/a": ("a", True)}
    assert source.unreadable() == [
        ("montage.png", "it lies beside train/ and val/ and so on neither side of the split")
    ]


def test_both_ways_to_overrule_it(tmp_path):
    fill(tmp_path, "train/a train/b val/a val/b", each=5)
    source = images(tmp_path, split={"official": False, "validation": 0.5})
    store = prepare(source)
    split = split_by(store, source.split)
    assert split.by == "cluster"
    assert store.classes == ("a", "b")
    assert {store.file_of(int(i)).split("/")[0] for i in split.train} == {"train", "val"}
    assert groups_of(images(tmp_path, folders="labels")) == {
        f"{part}/{c}": (part, None) for part in ("train", "val") for c in "ab"
    }


def test_several_paths_and_one_part_of_them(tmp_path):
    fill(tmp_path, "train/a val/a")
    both = SOURCES.parse({"kind": "images", "path": [str(tmp_path / "train"), str(tmp_path / "val")], "size": 8})
    assert groups_of(both) == {"train/a": ("a", False), "val/a": ("a", True)}
    assert groups_of(images(tmp_path / "val")) == {"a": ("a", None)}


def test_a_limit_takes_its_share_of_each_part(tmp_path):
    fill(tmp_path, "test/a train/a", each=20)
    source = images(tmp_path, limit=10)
    items = list(source.items())
    assert [item.held_out for item in items].count(True) == 5
    assert len(items) == 10
    named = items[3]
    assert len(list(images(tmp_path, limit=10).items_after(named.file, named.frame))) == 6


def test_a_side_of_which_nothing_can_be_read(tmp_path):
    fill(tmp_path, "train/a")
    (tmp_path / "val").mkdir()
    (tmp_path / "val" / "x.png").write_text("no image")
    source = images(tmp_path)
    with pytest.raises(UserError, match="own split leaves the validation side empty") as caught:
        split_by(prepare(source), source.split)
    assert "split.official=false" in caught.value.fix


def test_frames_animations_and_clips_are_divided_by_their_folders_too(tmp_path):
    for part in ("train", "val"):
        for loop in ("x", "y"):
            for n in range(2):
                image(tmp_path / "frames" / part / loop / f"{n}.png", 100 + n)
        animation(tmp_path / "gifs" / part / "a.gif", [20, 200])
        clip(tmp_path / "clips" / part / "a.mp4", [levels(n) for n in range(8)])
    for kind, folder in (("frames", "frames"), ("animations", "gifs"), ("video", "clips")):
        source = SOURCES.parse({"kind": kind, "path": str(tmp_path / folder), "size": 8})
        sides = {item.file.split("/")[0]: item.held_out for item in source.items()}
        assert sides == {"train": False, "val": True}, kind
        assert source.seen().parts == {"train": False, "val": True}
        assert split_by(prepare(source), source.split).by == "official"


def test_many_classes():
    names = [f"train/{n % 100}/{n}.png" for n in range(2000)] + [f"val/{n % 100}/{n}.png" for n in range(200)]
    layout = layout_of(names)
    assert layout.place(names[0]).label == "0"
    assert layout.place(names[-1]).held_out is True


def test_a_few_images_beside_class_folders_have_no_label_and_are_reported(tmp_path: Path) -> None:
    fill(tmp_path, "cat dog")
    fill(tmp_path, ".", each=1)
    source = images(tmp_path)
    assert groups_of(source) == {"cat": ("cat", None), "dog": ("dog", None), "": (None, None)}
    assert source.seen().loose == 1
    store = prepare(images(tmp_path))
    assert store.classes == ("cat", "dog")
    assert store.seen.loose == 1
    assert len(split_by(store, source.split).train) > 0
    fill(tmp_path, ".", each=9)  # more than beside them: they are a folder of images with folders in it
    assert prepare(images(tmp_path)).classes == ()


def test_parts_of_one_side_alone_are_reported(tmp_path: Path) -> None:
    fill(tmp_path, "test/a val/a", each=5)
    source = images(tmp_path)
    store = prepare(source)
    assert store.seen.one_sided == {"test": True, "val": True}
    assert (store.seen.parts, store.classes, split_by(store, source.split).by) == ({}, ("a",), "cluster")
    line, *_ = beside(store.seen, "images")
    assert "test, val" in line
    assert "folders=labels" in line
    assert prepare(images(tmp_path, folders="labels")).seen.one_sided == {}


@pytest.mark.parametrize(
    ("full", "empty", "parts"),
    [
        ("train/a train/b", "val", {}),
        ("val/a val/b", "train/a", {}),
        ("x/train/a x/train/b", "x/test", {}),
        ("train/a val/a", "test", {"train": False, "val": True}),
    ],
)
def test_an_empty_part_is_reported_and_leaves_the_rest_as_it_is(tmp_path, full, empty, parts):
    fill(tmp_path, full)
    (tmp_path / empty).mkdir(parents=True)
    seen = prepare(images(tmp_path)).seen
    name = next(part for part in empty.split("/") if part not in {"x", "a"})
    assert (seen.empty, seen.parts) == ((name,), parts)
    line, *_ = beside(seen, "images")
    assert name in line
    assert ("divided anew" in line) is not bool(parts)


def test_an_empty_part_is_reported_of_frames_animations_and_clips_too(tmp_path):
    for kind, name in (("frames", "a/1.png"), ("animations", "a.png"), ("video", "a.mp4")):
        top = tmp_path / kind
        if kind == "video":
            clip(top / "train" / name, [levels(3)])
        else:
            image(top / "train" / name, 90)
        (top / "val").mkdir()
        source = SOURCES.parse({"kind": kind, "path": str(top), "size": 8})
        assert prepare(source).seen.empty == ("val",), kind
