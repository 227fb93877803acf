"""The `images` source: what it finds, in which order, under which labels, and what it reports of the rest."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tilework.data import prepare
from tilework.data.files.natural import natural_key
from tilework.errors import UserError
from tilework.spec import SOURCES


def save(path: Path, colour: tuple[int, int, int] = (200, 30, 60), size: tuple[int, int] = (8, 8)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


def images(path: Path, **more):
    return SOURCES.parse({"kind": "images", "path": str(path), "size": 8, **more})


def names(source) -> list[str]:
    return [item.file for item in source.items()]


def test_natural_order_and_all_suffixes(tmp_path):
    for name in ("f10.png", "f2.PNG", "f1.jpg", "b.webp", "a.bmp", "c.gif", "d.tiff", "e.jpeg", "g.tif"):
        save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not an image")
    save(tmp_path / ".hidden.png")
    save(tmp_path / ".git" / "x.png")
    expected = ["a.bmp", "b.webp", "c.gif", "d.tiff", "e.jpeg", "f1.jpg", "f2.PNG", "f10.png", "g.tif"]
    assert names(images(tmp_path)) == expected


@given(st.lists(st.integers(0, 10**6), unique=True))
def test_numbered_names_sort_by_number(numbers):
    assert sorted((f"frame {n}.png" for n in numbers), key=natural_key) == [f"frame {n}.png" for n in sorted(numbers)]


def test_class_folders_become_labels_and_each_image_its_own_group(tmp_path):
    for name in ("cat/1.png", "cat/2.png", "dog/1.png"):
        save(tmp_path / name)
    store = prepare(images(tmp_path))
    assert store.classes == ("cat", "dog")
    assert store.labels.tolist() == [0, 0, 1]
    assert store.group_names == ["cat/1.png", "cat/2.png", "dog/1.png"]
    save(tmp_path / "loose.png")
    store = prepare(images(tmp_path))
    assert store.classes == ("cat", "dog")
    assert store.labels.tolist() == [0, 0, 1, -1]
    for number in range(3):
        save(tmp_path / f"loose {number}.png")
    store = prepare(images(tmp_path))
    assert store.classes == ()
    assert store.labels.tolist() == [-1] * 7


def test_folders_as_groups_number_their_frames(tmp_path):
    for name in ("one/f10.png", "one/f9.png", "two/f1.png"):
        save(tmp_path / name)
    store = prepare(images(tmp_path, group="folder"))
    assert store.group_names == ["one", "two"]
    assert store.groups.tolist() == [0, 0, 1]
    assert store.frames.tolist() == [0, 1, 0]
    assert [store.file_of(i) for i in range(3)] == ["one/f9.png", "one/f10.png", "two/f1.png"]


def test_a_stored_spec_may_have_the_old_word_for_its_groups(tmp_path):
    assert images(tmp_path, group="picture") == images(tmp_path, group="image") == images(tmp_path)


def test_unreadable_files_are_skipped_counted_and_listed(tmp_path):
    save(tmp_path / "good.png")
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    store = prepare(images(tmp_path))
    assert store.count == 1
    assert dict(store.skipped) == {
        "empty.png": "the file is empty",
        "gone.png": "no such file or directory",
        "text.png": "it is not an image in a known format",
    }


def test_strict_stops_at_the_first(tmp_path):
    save(tmp_path / "z.png")
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"a\.png cannot be read") as caught:
        prepare(images(tmp_path, strict=True))
    assert caught.value.why == "the file is empty"


def test_no_readable_image_at_all(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "b.png").write_text("x")
    with pytest.raises(UserError, match="none of the 2 image files"):
        prepare(images(tmp_path))


@pytest.mark.parametrize("what", ["missing", "empty", "only text"])
def test_a_folder_without_images(tmp_path, what):
    folder = tmp_path / "in"
    if what != "missing":
        folder.mkdir()
    if what == "only text":
        (folder / "readme.txt").write_text("x")
    with pytest.raises(UserError) as caught:
        prepare(images(folder))
    assert "data.path=" in caught.value.fix


def test_files_and_several_folders_can_be_named(tmp_path):
    for name in ("cats/1.png", "dogs/1.png", "dogs/2.png", "lone.png"):
        save(tmp_path / name)
    both = [str(tmp_path / "cats"), str(tmp_path / "dogs")]
    store = prepare(SOURCES.parse({"kind": "images", "path": both, "size": 8}))
    assert store.group_names == ["cats/1.png", "dogs/1.png", "dogs/2.png"]
    assert store.classes == ("cats", "dogs")
    one = SOURCES.parse({"kind": "images", "path": [str(tmp_path / "lone.png"), *both], "size": 8})
    assert names(one) == ["lone.png", "cats/1.png", "dogs/1.png", "dogs/2.png"]


def test_a_folder_that_cannot_be_listed_is_reported_and_the_rest_taken(tmp_path, monkeypatch):
    save(tmp_path / "a" / "1.png")
    save(tmp_path / "locked" / "2.png")
    scan = os.scandir

    def denied(path):
        if str(path).rstrip("/").endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", denied)
    store = prepare(images(tmp_path))
    assert store.count == 1
    assert store.skipped == [("locked", "this folder cannot be listed: permission denied")]
    with pytest.raises(UserError, match="locked cannot be read"):
        prepare(images(tmp_path, strict=True))


def test_items_after_are_the_rest(tmp_path):
    for n in range(12):
        save(tmp_path / "abc"[n % 3] / f"{n}.png", (n, n, n))
    (tmp_path / "b" / "2.png").write_bytes(b"")
    for more in ({}, {"group": "folder"}, {"limit": 9}):
        whole = list(images(tmp_path, **more).items())
        for number, item in enumerate(whole):
            rest = list(images(tmp_path, **more).items_after(item.file, item.frame))
            items = [(i.file, i.frame, i.group, i.label, i.pixels.tobytes()) for i in rest]
            assert items == [(i.file, i.frame, i.group, i.label, i.pixels.tobytes()) for i in whole[number + 1 :]]


@pytest.mark.parametrize(
    "name", ["with space.png", "new\nline.png", "絵.png", "ñandú.png", "a'b\"c.png", "\u202egnp.png"]
)
def test_names_of_any_kind(tmp_path, name):
    save(tmp_path / "класс" / name)
    store = prepare(images(tmp_path))
    assert store.file_of(0) == f"класс/{name}"
    assert store.classes == ("класс",)


def test_names_that_are_not_unicode(tmp_path):
    save(tmp_path / "a.png")
    try:
        os.rename(tmp_path / "a.png", os.fsencode(tmp_path) + b"/\xff\xfe.png")
    except OSError:
        pytest.skip("this file system takes only Unicode names")
    source = images(tmp_path)
    first, again = prepare(source), prepare(source)
    assert os.fsencode(first.file_of(0)) == os.fsencode(again.file_of(0)) == b"\xff\xfe.png"


def test_links_in_a_circle_are_followed_once(tmp_path):
    save(tmp_path / "a" / "1.png")
    (tmp_path / "a" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    (tmp_path / "self.png").symlink_to(tmp_path / "self.png")
    source = images(tmp_path)
    assert names(source) == ["a/1.png"]
    assert [file for file, _ in source.unreadable()] == ["self.png"]


def test_a_linked_folder_counts(tmp_path):
    save(tmp_path / "elsewhere" / "1.png")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert names(images(tmp_path / "in")) == ["linked/1.png"]


def test_mixed_sizes_are_fitted_or_refused(tmp_path):
    save(tmp_path / "1.png", size=(8, 8))
    save(tmp_path / "2.png", size=(16, 9))
    for fit in ("crop", "pad", "stretch"):
        assert prepare(images(tmp_path, fit=fit)).shape == (8, 8, 3)
    with pytest.raises(UserError, match=r"2\.png is 16x9, not 8x8"):
        prepare(images(tmp_path, fit="refuse"))


def test_the_background_is_also_the_border(tmp_path):
    Image.new("RGBA", (8, 4), (0, 0, 0, 0)).save(tmp_path / "1.png")
    store = prepare(images(tmp_path, fit="pad", background="#0a141e"))
    assert (store.gather(np.array([0])) == (10, 20, 30)).all()
    with pytest.raises(UserError, match="not a colour"):
        images(tmp_path, background="mauvish")


def test_limit_takes_the_first(tmp_path):
    for n in range(12):
        save(tmp_path / f"{n}.png")
    assert names(images(tmp_path, limit=3)) == ["0.png", "1.png", "2.png"]


def test_the_fingerprint_follows_the_files_and_not_the_split(tmp_path):
    save(tmp_path / "1.png")
    before = images(tmp_path).fingerprint()
    assert images(tmp_path, split={"seed": 5}).fingerprint() == before
    assert images(tmp_path, size=16).fingerprint() != before
    save(tmp_path / "2.png")
    with_two = images(tmp_path).fingerprint()
    assert with_two != before
    os.utime(tmp_path / "1.png", ns=(1, 1))
    assert images(tmp_path).fingerprint() != with_two


def test_preparing_leaves_the_spec_as_it_was(tmp_path):
    save(tmp_path / "1.png")
    (tmp_path / "2.png").write_bytes(b"")
    source = images(tmp_path)
    prepare(source)
    assert source == images(tmp_path)


def test_real_photographs(real_data):
    store = prepare(images(real_data / "flowers", size=32, limit=500))
    assert store.count == 500
    assert store.classes == ("daisy", "dandelion", "roses")
    path = real_data / "flowers" / store.file_of(7)
    expected = np.asarray(Image.open(path).convert("RGB").resize((32, 32), Image.Resampling.BICUBIC))
    # Decoded at a smaller scale first where the file allows it: the same image, not the same bits.
    assert np.abs(store.gather(np.array([7]))[0].astype(int) - expected).mean() < 2
