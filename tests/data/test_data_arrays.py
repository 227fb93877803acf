"""The `array` and `mnist` sources."""

from __future__ import annotations

import functools
import gzip
import http.server
import re
import struct
import threading
from pathlib import Path

import numpy as np
import pytest

from tilework.data import cache_folder, prepare, split_by
from tilework.data.catalogue.detect import detect
from tilework.data.notes import words
from tilework.errors import UserError
from tilework.spec import SOURCES

RNG = np.random.default_rng(0)


def array(path: Path, **more):
    return SOURCES.parse({"kind": "array", "path": str(path), "size": "6x5", "fit": "refuse", **more})


def everything(source) -> np.ndarray:
    store = prepare(source)
    return store.gather(np.arange(store.count))


@pytest.mark.parametrize("shape", [(4, 5, 6), (4, 5, 6, 1), (4, 5, 6, 3), (4, 1, 5, 6), (4, 3, 5, 6)])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64", "float16"])
def test_every_layout_and_type(tmp_path, shape, dtype):
    raw = RNG.integers(0, 256, size=shape, dtype=np.uint8)
    np.save(tmp_path / "a.npy", raw if dtype == "uint8" else (raw / 255).astype(dtype))
    expected = raw[..., None] if len(shape) == 3 else raw if shape[3] in (1, 3) else raw.transpose(0, 2, 3, 1)
    out = everything(array(tmp_path / "a.npy", channels=expected.shape[3]))
    assert np.array_equal(out, expected)


def test_booleans_are_black_and_white(tmp_path):
    raw = RNG.integers(0, 2, size=(4, 5, 6)).astype(bool)
    np.save(tmp_path / "a.npy", raw)
    assert np.array_equal(everything(array(tmp_path / "a.npy", channels=1))[..., 0], raw * 255)


def test_npz_with_labels(tmp_path):
    raw = RNG.integers(0, 256, size=(4, 5, 6), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", images=raw, names=np.array(["b", "a", "b", "c"]))
    store = prepare(array(tmp_path / "a.npz", labels_key="names", channels=1))
    assert store.classes == ("a", "b", "c")
    assert store.labels.tolist() == [1, 0, 1, 2]
    np.savez(tmp_path / "b.npz", images=raw, numbers=np.array([10, 9, 2, 10]))
    store = prepare(array(tmp_path / "b.npz", labels_key="numbers", channels=1))
    assert store.classes == ("2", "9", "10")  # natural order, not that of text


def test_npz_asks_for_a_key_where_there_are_two(tmp_path):
    raw = RNG.integers(0, 256, size=(4, 5, 6), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", train=raw, test=raw[:2])
    with pytest.raises(UserError, match="2 arrays that could be the images") as caught:
        prepare(array(tmp_path / "a.npz"))
    assert caught.value.fix == "write data.key=NAME"
    assert len(everything(array(tmp_path / "a.npz", key="test"))) == 2
    with pytest.raises(UserError, match="no array 'tset'"):
        prepare(array(tmp_path / "a.npz", key="tset"))


BAD = {
    "above one": (np.full((2, 5, 6), 255.0), "divide them by 255"),
    "below zero": (np.full((2, 5, 6), -0.5), r"bring them to \[0, 1\]"),
    "not a number": (np.full((2, 5, 6), np.nan), r"bring them to \[0, 1\]"),
    "integers": (np.zeros((2, 5, 6), np.int64), "astype"),
    "two dimensions": (np.zeros((5, 6), np.uint8), "one of these shapes"),
    "four colours": (np.zeros((2, 5, 6, 4), np.uint8), "one of these shapes"),
    "no image": (np.zeros((0, 5, 6), np.uint8), "one of these shapes"),
    "a pickle": (np.array([{"a": 1}], dtype=object), "save it again"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_unusable_arrays(tmp_path, name):
    raw, fix = BAD[name]
    np.save(tmp_path / "a.npy", raw, allow_pickle=True)
    with pytest.raises(UserError) as caught:
        prepare(array(tmp_path / "a.npy"))
    assert re.search(fix, caught.value.fix)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04 not a zip", b"\x80\x04K\x01."])
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_broken_files(tmp_path, content, suffix):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    with pytest.raises(UserError, match="cannot be read as an array"):
        prepare(array(path))


def test_a_cut_file_and_a_missing_one(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((9, 5, 6), np.uint8))
    whole = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(whole[:-50])
    with pytest.raises(UserError, match="cannot be read as an array"):
        prepare(array(tmp_path / "a.npy"))
    with pytest.raises(UserError, match="there is no file"):
        prepare(array(tmp_path / "b.npy"))


def test_labels_must_fit(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((4, 5, 6), np.uint8), y=np.zeros(3))
    with pytest.raises(UserError, match=r"y has shape \(3,\) for 4 images"):
        prepare(array(tmp_path / "a.npz", labels_key="y"))
    np.save(tmp_path / "a.npy", np.zeros((4, 5, 6), np.uint8))
    with pytest.raises(UserError, match="without a name"):
        prepare(array(tmp_path / "a.npy", labels_key="y"))


# MNIST


def idx(values: np.ndarray) -> bytes:
    return struct.pack(f">{1 + values.ndim}I", 0x800 + values.ndim, *values.shape) + values.tobytes()


def write_mnist(folder: Path, *, packed: bool = True, train: int = 20, test: int = 10) -> dict[str, np.ndarray]:
    folder.mkdir(parents=True, exist_ok=True)
    made = {}
    for part, count in (("train", train), ("t10k", test)):
        made[f"{part}-images-idx3-ubyte"] = RNG.integers(0, 256, size=(count, 28, 28), dtype=np.uint8)
        made[f"{part}-labels-idx1-ubyte"] = (np.arange(count) % 10)[::-1].astype(np.uint8)
    for name, values in made.items():
        (folder / (name + ".gz" * packed)).write_bytes(gzip.compress(idx(values)) if packed else idx(values))
    return made


def mnist(**more):
    return SOURCES.parse({"kind": "mnist", **more})


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("below", ["", "raw", "MNIST/raw"])
def test_mnist_from_a_folder(tmp_path, packed, below):
    made = write_mnist(tmp_path / below, packed=packed)
    source = mnist(path=str(tmp_path))
    store = prepare(source)
    pixels = np.concatenate([made["train-images-idx3-ubyte"], made["t10k-images-idx3-ubyte"]])
    labels = np.concatenate([made["train-labels-idx1-ubyte"], made["t10k-labels-idx1-ubyte"]])
    assert np.array_equal(store.gather(np.arange(30))[..., 0], pixels)
    assert store.classes == tuple("0123456789")
    assert np.array_equal(store.labels, labels)
    split = split_by(store, source.split)
    assert split.train.tolist() == list(range(20))
    assert split.validation.tolist() == list(range(20, 30))


def test_mnist_limit_cuts_both_sides_alike(tmp_path):
    write_mnist(tmp_path, train=40, test=20)
    source = mnist(path=str(tmp_path), limit=10)
    split = split_by(prepare(source), source.split)
    assert (len(split.train), len(split.validation)) == (10, 5)


def test_mnist_that_is_not_there_or_damaged(tmp_path):
    with pytest.raises(UserError, match="there is no folder"):
        prepare(mnist(path=str(tmp_path / "gone")))
    with pytest.raises(UserError, match="holds no idx files of images"):
        prepare(mnist(path=str(tmp_path)))
    write_mnist(tmp_path)
    whole = (tmp_path / "t10k-images-idx3-ubyte.gz").read_bytes()
    swapped = (tmp_path / "t10k-labels-idx1-ubyte.gz").read_bytes()
    for content in (
        whole[:200],
        b"",
        b"\x1f\x8b",
        gzip.compress(b"abc"),
        swapped,
        gzip.compress(idx(np.zeros((2, 3, 3), np.uint8))[:-1]),
    ):
        (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(content)
        with pytest.raises(UserError, match="not a whole idx file of images"):
            prepare(mnist(path=str(tmp_path)))


def test_mnist_downloads_from_an_address_once(tmp_path):
    write_mnist(tmp_path / "served")
    asked: list[str] = []

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            asked.append(self.path)

    handler = functools.partial(Quiet, directory=str(tmp_path / "served"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        assert prepare(mnist(url=url)).count == 30
        assert len(asked) == 4
        assert prepare(mnist(url=url, limit=5)).count < 30  # another store, the same downloads
        assert len(asked) == 4
        server.shutdown()


def test_mnist_without_network_names_the_way_out(tmp_path):
    with pytest.raises(UserError, match="could not be downloaded") as caught:
        prepare(mnist(url="http://127.0.0.1:9/nothing/"))
    assert "data.path=FOLDER" in caught.value.fix
    assert "digits" not in caught.value.fix  # of another set, those are no stand-in
    assert not [p for p in (cache_folder() / "downloads").rglob("*") if p.is_file()]
    with pytest.raises(UserError, match="could not be downloaded"):
        prepare(mnist(url="file:///etc/"))


def test_a_download_that_differs_from_the_published_files_is_not_kept(tmp_path, monkeypatch):
    from tilework.data.files import download

    def other_content(url: str, out) -> str:
        out.write(b"something else")
        return "0" * 32

    monkeypatch.setattr(download, "_copy", other_content)
    with pytest.raises(UserError, match="could not be downloaded") as caught:
        prepare(mnist())
    assert "differs from the published one" in caught.value.why
    assert not [p for p in (cache_folder() / "downloads").rglob("*") if p.is_file()]


def test_real_mnist(real_data):
    store = prepare(mnist(path=str(real_data)))
    assert store.count == 70_000
    assert np.bincount(store.labels).sum() == 70_000
    # The first training digits are known to be 5 0 4 1 9, and the class sizes of the test set are published.
    assert [store.classes[i] for i in store.labels[:5]] == list("50419")
    assert np.bincount(store.labels[60_000:]).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


# idx files, whatever they are called ---------------------------------------------------------------------------------


def idx_file(path: Path, values: np.ndarray) -> None:
    content = idx(values)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def files_in(folder: Path) -> list[tuple[str, bool | None, str | None]]:
    return [(item.file, item.held_out, item.label) for item in mnist(path=str(folder), size=4).items()]


def some(count: int) -> np.ndarray:
    return RNG.integers(0, 256, (count, 4, 4)).astype(np.uint8)


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("emnist-letters-train-images-idx3-ubyte", "emnist-letters-test-images-idx3-ubyte"),
        ("train_x.idx.gz", "test_x.idx.gz"),
        ("images.train", "images.val"),
        ("big.bin", "small.bin"),
    ],
)
def test_idx_files_are_known_by_their_content(tmp_path, train, test):
    for name, count in ((train, 6), (test, 3)):
        idx_file(tmp_path / name, some(count))
        labels = (
            name.replace("images", "labels").replace("idx3", "idx1").replace("_x", "_y").replace(".bin", "-labels.bin")
        )
        idx_file(tmp_path / labels, np.arange(count, dtype=np.uint8))
    (tmp_path / "notes.txt").write_text("x")
    assert detect([str(tmp_path)]).settings == {"kind": "mnist", "path": str(tmp_path)}
    assert detect([str(tmp_path / train)]).settings == {"kind": "mnist", "path": str(tmp_path)}
    assert files_in(tmp_path) == [(train, False, str(n)) for n in range(6)] + [(test, True, str(n)) for n in range(3)]


def test_one_idx_file_with_and_without_labels(tmp_path):
    idx_file(tmp_path / "drawings", some(5))
    assert files_in(tmp_path) == [("drawings", None, None)] * 5
    idx_file(tmp_path / "kinds", np.arange(5, dtype=np.uint8))
    assert [label for _, _, label in files_in(tmp_path)] == list("01234")
    idx_file(tmp_path / "kinds", np.arange(4, dtype=np.uint8))
    with pytest.raises(UserError, match="which labels belong") as caught:
        files_in(tmp_path)
    assert "no file has as many labels" in caught.value.why


def test_it_must_be_clear_which_train(tmp_path):
    for name in ("a", "b"):
        idx_file(tmp_path / name, some(5))
    with pytest.raises(UserError, match="not clear which train") as caught:
        files_in(tmp_path)
    assert "digits" not in caught.value.fix
    assert "download" not in caught.value.fix


def test_a_folder_without_idx_files_is_never_answered_with_other_data(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"x" * 50)
    with pytest.raises(UserError, match="holds no idx files") as caught:
        files_in(tmp_path)
    assert "download" not in caught.value.fix
    assert "leave data.path out" not in caught.value.fix


# Labels of an .npz, with no setting of the user's


def npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


def images(count: int) -> np.ndarray:
    return RNG.integers(0, 256, size=(count, 5, 6), dtype=np.uint8)


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (("x", "y"), np.array([2, 0, 2, 1])),
        (("images", "labels"), np.array([[2], [0], [2], [1]], np.uint8)),
        (("data", "Targets"), np.array(["2", "0", "2", "1"])),
        (("anything", "label"), np.array([b"2", b"0", b"2", b"1"])),
    ],
)
def test_labels_that_are_unmistakable_are_taken_and_reported(tmp_path, names, labels):
    path = npz(tmp_path / "a.npz", **{names[0]: images(4), names[1]: labels})
    store = prepare(array(path, channels=1))
    assert store.classes == ("0", "1", "2")
    assert store.labels.tolist() == [2, 0, 2, 1]
    assert [(note.kind, note.values) for note in store.notes] == [("labels-taken", (names[1],))]
    assert prepare(array(path, channels=1, labels_key="none")).classes == ()


@pytest.mark.parametrize(
    ("arrays", "kinds"),
    [
        ({"y": np.zeros(3, int)}, {"y": "labels-shape"}),
        ({"y": np.eye(4, dtype=int)}, {"y": "labels-shape"}),
        ({"y": np.array([0.5, 1.0, 2.0, 3.0])}, {"y": "labels-fractions"}),
        ({"ids": np.arange(4)}, {"ids": "labels-unnamed"}),
        ({"y": np.arange(4), "labels": np.arange(4)}, {"y": "labels-several", "labels": "labels-several"}),
        ({"scale": np.array(3.0)}, {}),
    ],
)
def test_what_may_be_labels_is_reported_and_not_taken(tmp_path, arrays, kinds):
    store = prepare(array(npz(tmp_path / "a.npz", x=images(4), **arrays), channels=1))
    assert store.classes == ()
    assert {note.values[0]: note.kind for note in store.notes} == kinds
    for note in store.notes:
        assert note.values[0] in words(note)


@pytest.mark.parametrize("names", ["{what}_{part}", "{part}_{what}"])
def test_an_npz_with_its_own_split(tmp_path, names):
    made = {"train": (images(6), np.arange(6) % 3), "test": (images(3), np.arange(3) % 3)}
    arrays = {}
    for part, (x, y) in made.items():
        arrays |= {names.format(what="x", part=part): x, names.format(what="y", part=part): y}
    source = array(npz(tmp_path / "mnist.npz", **arrays), channels=1)
    store = prepare(source)
    assert store.labels.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2]
    assert store.held_out.tolist() == [0] * 6 + [1] * 3
    split = split_by(store, source.split)
    assert (split.by, len(split.train), len(split.validation)) == ("official", 6, 3)
    one = prepare(array(tmp_path / "mnist.npz", channels=1, key=names.format(what="x", part="test")))
    assert (one.count, one.classes, set(one.held_out.tolist())) == (3, ("0", "1", "2"), {-1})


def test_labels_that_are_named_choose_their_images(tmp_path):
    path = npz(tmp_path / "a.npz", x_train=images(4), x_test=images(2), y_train=np.arange(4), y_test=np.arange(2))
    assert prepare(array(path, channels=1, labels_key="y_test")).count == 2
