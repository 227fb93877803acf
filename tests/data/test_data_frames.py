"""The `frames` source: folders of numbered images."""

from __future__ import annotations

import pytest
from made_media import image

from tilework.data import prepare
from tilework.errors import UserError
from tilework.spec import SOURCES


def frames(path, **more):
    named = [str(p) for p in path] if isinstance(path, list) else str(path)
    return SOURCES.parse({"kind": "frames", "path": named, "size": "12x8", **more})


def listed(source) -> list[tuple[str, int, str]]:
    return [(item.group, item.frame, item.file) for item in source.items()]


def test_natural_order_and_numbers_from_the_names(tmp_path):
    for name in ("two/10.png", "two/1.png", "two/2.png", "one/frame_007.png", "one/frame_011 (copy).png"):
        image(tmp_path / "in" / name, 200)
    assert listed(frames(tmp_path / "in")) == [
        ("one", 7, "one/frame_007.png"),
        ("one", 11, "one/frame_011 (copy).png"),
        ("two", 1, "two/1.png"),
        ("two", 2, "two/2.png"),
        ("two", 10, "two/10.png"),
    ]


@pytest.mark.parametrize(
    "names", [["a.png", "b.png"], ["a1.png", "b1.png"], ["1.png", "2.png", "x.png"], ["2.jpg", "2.png"]]
)
def test_frames_are_counted_where_names_do_not_number_them(tmp_path, names):
    for name in names:
        image(tmp_path / "in" / "one" / name, 200)
    assert [frame for _, frame, _ in listed(frames(tmp_path / "in"))] == list(range(len(names)))


def test_one_frame_folder_and_several(tmp_path):
    for name in ("loop a/1.png", "loop a/2.png", "loop b/1.png", "loop b/deep/1.png"):
        image(tmp_path / name, 200)
    assert {group for group, _, _ in listed(frames(tmp_path / "loop a"))} == {"loop a"}
    assert [g for g, _, _ in listed(frames(tmp_path))] == ["loop a", "loop a", "loop b", "loop b/deep"]
    assert [g for g, _, _ in listed(frames([tmp_path / "loop b", tmp_path / "loop a"]))] == [
        "loop a",
        "loop a",
        "loop b",
        "loop b/deep",
    ]


def test_groups_without_labels(tmp_path):
    for name in ("a/1.png", "a/2.png", "b/1.png"):
        image(tmp_path / name, 200)
    store = prepare(frames(tmp_path))
    assert store.classes == ()
    assert store.group_names == ["a", "b"]
    assert store.frames.tolist() == [1, 2, 1]


def test_a_broken_frame_leaves_a_gap_in_the_numbers(tmp_path):
    for number in range(1, 5):
        image(tmp_path / "a" / f"{number}.png", 200)
    (tmp_path / "a" / "3.png").write_bytes(b"")
    source = frames(tmp_path)
    assert [frame for _, frame, _ in listed(source)] == [1, 2, 4]
    assert source.unreadable() == [("a/3.png", "the file is empty")]
    with pytest.raises(UserError, match=r"3\.png cannot be read"):
        listed(frames(tmp_path, strict=True))


def test_the_layout_of_ten_loops(tmp_path):
    for loop in range(10):
        for number in range(18):
            image(tmp_path / f"loop_{loop}" / f"frame_{number:04}.png", 20 * loop + number)
    store = prepare(frames(tmp_path, size=64, channels=1))
    assert store.count == 180
    assert len(store.group_names) == 10
