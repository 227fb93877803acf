"""What every source promises, tried on every source that is registered. A new one needs an example here, and passes all."""

from __future__ import annotations

import gzip
import os
import pickle
import shutil
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import PATIENCE, chromium_is_here
from drawn_sketches import kept_browsers
from made_media import animation, clip, image, levels, sketch

from tilework.data import prepare
from tilework.data.contract import Item, SourceConfig
from tilework.errors import UserError
from tilework.spec import SOURCES


@dataclass(frozen=True)
class Example:
    """How to make a little input of a source, and what a broken part of it looks like."""

    settings: dict[str, Any] = field(default_factory=dict)
    make: Callable[[Path], Path | None] = lambda _: None
    """Makes the input in a folder; gives what `data.path` names, None where the source needs no files."""
    spoil: Callable[[Path], str] | None = None
    """Puts a broken part beside the good ones; gives its name. None where a source has one file only."""
    file: str = ""
    """A file of the input, below what `make` was given."""


def _images(folder: Path) -> Path:
    for number in range(5):
        image(folder / "in" / f"class {number % 2}" / f"{number}.png", 90 + 20 * number)
    return folder / "in"


def _broken_png(folder: Path) -> str:
    (folder / "in" / "class 0" / "3.png").write_text("no image")
    return "class 0/3.png"


def _clips(folder: Path) -> Path:
    for name in "ab":
        clip(folder / "in" / f"{name}.mp4", [levels(n) for n in range(30)])
    return folder / "in"


def _text_mp4(folder: Path) -> str:
    (folder / "in" / "aa.mp4").write_text("no video")
    return "aa.mp4"


def _animations(folder: Path) -> Path:
    for name in ("a.gif", "b.webp", "c.png"):
        animation(folder / "in" / name, [30, 90, 150, 210])
    return folder / "in"


def _half_gif(folder: Path) -> str:
    whole = (folder / "in" / "a.gif").read_bytes()
    (folder / "in" / "aa.gif").write_bytes(whole[: len(whole) * 2 // 3])
    return "aa.gif"


def _frames(folder: Path) -> Path:
    for name in ("one", "two"):
        for number in (1, 2, 10):
            image(folder / "in" / name / f"{number}.png", 100 + number)
    return folder / "in"


def _broken_frame(folder: Path) -> str:
    (folder / "in" / "one" / "3.png").write_bytes(b"")
    return "one/3.png"


def _sketches(folder: Path) -> Path:
    if not chromium_is_here():
        pytest.skip("there is no Chromium here to draw sketches with, or Playwright is not installed")
    sketch(folder / "in" / "a")
    sketch(folder / "in" / "c")
    return folder / "in"


def _throwing(folder: Path) -> str:
    sketch(folder / "in" / "b", "function setup() { nothing.there(); }")
    return "b"


def _data_set(folder: Path, broken: bool = False) -> Path:
    datasets = pytest.importorskip("datasets", reason="hub needs the library datasets")
    packed = [{"bytes": image(folder / f"{n}.png", 90 + n).read_bytes(), "path": None} for n in range(5)]
    if broken:
        packed[2] = {"bytes": b"no image", "path": None}
    features = datasets.Features({"still": datasets.Image(), "kind": datasets.ClassLabel(names=["cat", "dog"])})
    made = datasets.Dataset.from_dict({"still": packed, "kind": [0, 1, 0, 1, 0]}, features=features)
    shutil.rmtree(folder / "in", ignore_errors=True)
    made.save_to_disk(folder / "in")
    return folder / "in"


def _broken_row(folder: Path) -> str:
    _data_set(folder, broken=True)
    return "in row 2"


def _array(folder: Path) -> Path:
    np.save(folder / "in.npy", np.random.default_rng(0).integers(0, 256, (5, 9, 7, 3), dtype=np.uint8))
    return folder / "in.npy"


def _idx(folder: Path) -> Path:
    inside = folder / "in"
    inside.mkdir()
    rng = np.random.default_rng(1)
    for part, count in (("train", 6), ("t10k", 3)):
        images, labels = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8), np.arange(count, dtype=np.uint8)
        for name, array in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
            head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
            (inside / f"{name}.gz").write_bytes(gzip.compress(head + array.tobytes()))
    return inside


EXAMPLES = {
    "animations": Example({}, _animations, _half_gif, "in/a.gif"),
    "array": Example({}, _array, None, "in.npy"),
    "digits": Example(),
    "frames": Example({}, _frames, _broken_frame, "in/one/2.png"),
    "hub": Example({}, _data_set, _broken_row, "in/data-00000-of-00001.arrow"),
    "images": Example({}, _images, _broken_png, "in/class 1/1.png"),
    "loops": Example({"frames": 4, "animations": 3}),
    "mnist": Example({}, _idx, None, "in/train-images-idx3-ubyte.gz"),
    "sketches": Example({"frames": 4, "seconds": PATIENCE}, _sketches, _throwing, "in/a/sketch.js"),
    "video": Example({}, _clips, _text_mp4, "in/b.mp4"),
}
KINDS = pytest.mark.parametrize("kind", SOURCES.kinds)
SPOILT = pytest.mark.parametrize("kind", [kind for kind in SOURCES.kinds if kind in EXAMPLES and EXAMPLES[kind].spoil])
PATHS = pytest.mark.parametrize("kind", [kind for kind in SOURCES.kinds if kind in EXAMPLES and EXAMPLES[kind].file])


def source_of(kind: str, path: Path | None, **more: Any) -> SourceConfig:
    settings = {"kind": kind, "size": "8x6", **EXAMPLES[kind].settings, **more}
    source = SOURCES.parse(settings | ({} if path is None else {"path": str(path)}))
    assert isinstance(source, SourceConfig)
    return source


def same(one: list[Item], two: list[Item]) -> bool:
    def about(item: Item) -> tuple[Any, ...]:
        return (item.group, item.frame, item.label, item.file, item.held_out, item.pixels.shape, item.pixels.tobytes())

    return [about(i) for i in one] == [about(i) for i in two]


@pytest.fixture(scope="module", autouse=True)
def _browsers_are_kept() -> Iterator[None]:
    with kept_browsers():
        yield


@pytest.fixture
def whole(once: Callable[..., Path]) -> Callable[[SourceConfig], list[Item]]:
    """All items of the whole example of a source. Sketches are drawn once for the whole test run: a browser starts slowly."""

    def get(source: SourceConfig) -> list[Item]:
        if source.kind != "sketches":
            return list(source.items())
        kept = once("whole-sketches", lambda folder: (folder / "items").write_bytes(pickle.dumps(list(source.items()))))
        found = pickle.loads((kept / "items").read_bytes())
        assert isinstance(found, list)
        return found

    return get


@KINDS
def test_every_source_has_an_example(kind):
    assert kind in EXAMPLES, f"write an example of {kind} into {Path(__file__).name}"


@KINDS
def test_items(kind, whole, tmp_path):
    source = source_of(kind, EXAMPLES[kind].make(tmp_path))
    items = list(source.items())
    assert items
    assert same(items, whole(source)), "the same items twice"
    for item in items:
        assert item.pixels.dtype == np.uint8
        assert item.pixels.ndim == 3
        assert item.pixels.shape[2] in {1, 3}
        assert min(item.pixels.shape) > 0
        assert item.group
    for group in {item.group for item in items}:
        numbers = [item.frame for item in items if item.group == group]
        assert numbers == sorted(numbers), "frames ascend within a group"
        assert len(set(numbers)) == len(numbers)
    assert source.unreadable() == []
    assert source.expected() in {None, len(items)}


@KINDS
def test_items_after_a_image_are_the_tail(kind, whole, tmp_path):
    source = source_of(kind, EXAMPLES[kind].make(tmp_path))
    items = whole(source)
    named = [(item.file, item.frame) for item in items]
    places = sorted({0, 1, len(items) // 2, len(items) - 2, len(items) - 1})
    if kind == "sketches":  # a browser for each takes long
        places = [1, len(items) - 1]
    for place in (p for p in places if named.count(named[p]) == 1):
        assert same(list(source.items_after(*named[place])), items[place + 1 :]), f"after {named[place]}"


@KINDS
@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
@pytest.mark.parametrize("channels", [1, 3])
def test_they_come_to_size(kind, fit, channels, tmp_path):
    if kind == "sketches" and (fit, channels) != ("crop", 1):
        pytest.skip("a browser for each would take long, and the images are the same")
    store = prepare(source_of(kind, EXAMPLES[kind].make(tmp_path), fit=fit, channels=channels, size="10x6"))
    assert store.count > 2
    assert store.shape == (6, 10, channels)


@PATHS
def test_the_fingerprint_follows_the_files(kind, tmp_path):
    path = EXAMPLES[kind].make(tmp_path)
    source = source_of(kind, path)
    before = source.fingerprint()
    assert source.fingerprint() == before
    assert source_of(kind, path, size="9x6").fingerprint() != before
    assert source_of(kind, path, split={"seed": 5}).fingerprint() == before, "splits are not of the items"
    file = tmp_path / EXAMPLES[kind].file
    about = file.stat()
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns + 10**9))
    assert source.fingerprint() != before


@SPOILT
def test_what_is_broken_is_named_and_the_rest_is_whole(kind, whole, tmp_path):
    example = EXAMPLES[kind]
    path = example.make(tmp_path)
    before = whole(source_of(kind, path))
    assert example.spoil is not None
    broken = example.spoil(tmp_path)
    source = source_of(kind, path)
    items = list(source.items())
    reasons = dict(source.unreadable())
    assert list(reasons) == [broken]
    assert reasons[broken]
    kept = [item for item in items if item.file != broken]
    # A data set is written anew to be spoilt: its good rows are the same, and so is what surrounds a broken file.
    assert same(kept, [item for item in before if (item.file, item.frame) in {(k.file, k.frame) for k in kept}])
    assert len(kept) >= len(before) - 1
    with pytest.raises(UserError) as caught:
        list(source_of(kind, path, strict=True).items())
    assert caught.value.why
    assert "data.strict=false" in caught.value.fix
    again = source_of(kind, path)
    named = items[len(items) // 2]
    assert same(list(again.items_after(named.file, named.frame)), items[len(items) // 2 + 1 :])


def wrong_paths() -> list[Any]:
    """To a browser, text that is no script is what noise is: it cannot be parsed. That one runs with `-m slow`."""
    wrong = ["missing", "empty folder", "empty file", "text", "a link to itself", "noise"]
    return [
        pytest.param(kind, what, marks=[pytest.mark.slow] if (kind, what) == ("sketches", "text") else [])
        for what in wrong
        for kind in SOURCES.kinds
        if kind in EXAMPLES and EXAMPLES[kind].file
    ]


@pytest.mark.parametrize(("kind", "what"), wrong_paths())
def test_only_errors_that_a_person_can_read(kind, what, tmp_path):
    if kind in {"sketches", "hub"}:
        (tmp_path / "whole").mkdir()
        EXAMPLES[kind].make(tmp_path / "whole")  # skips where what it needs is not here
    path = tmp_path / ("in.mp4" if kind == "video" else "in.gif" if kind == "animations" else "in.js")
    if what == "empty folder":
        path.mkdir()
    elif what == "empty file":
        path.write_bytes(b"")
    elif what == "text":
        path.write_text("ffconcat version 1.0\nfile /etc/passwd\n")
    elif what == "a link to itself":
        path.symlink_to(path)
    elif what == "noise":
        path.write_bytes(np.random.default_rng(0).bytes(3000))
    with pytest.raises(UserError) as caught:
        prepare(source_of(kind, path))
    assert caught.value.why
    assert caught.value.fix
