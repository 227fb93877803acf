"""Which files of a folder are images: by content where an extension does not give it; nothing is passed over
silently."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from made_media import animation, clip, levels
from PIL import Image

from tilework.data import prepare
from tilework.data.catalogue.detect import detect
from tilework.data.files.folder import image_files
from tilework.data.media import extensions
from tilework.data.media.images import Unreadable, decode
from tilework.data.notes import words
from tilework.errors import UserError
from tilework.spec import SOURCES

FORMATS = (
    "a.ppm", "a.pnm", "a.jpe", "a.jfif", "a.jp2", "a.j2k", "a.tga", "a.dds", "a.icns", "a.pcx", "a.qoi", "a.sgi", "a.bmp",
    "a.dib", "a.tif", "a.webp", "a.ico", "a.avif",
)  # fmt: skip
PROGRAMS = (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"%PDF-1.4", b"\xd7\xcd\xc6\x9a" + bytes(40))
MARKERS = ("index.html", "readme.html", "x.parquet", "dataset_info.json", "Thumbs.db", "a.npy", "clip.mp4")
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(2000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of its own: the cache lies beside it."""
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def photo(path: Path, seed: int = 0, **more) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (16, 20, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, **more)
    return path


def images(path: Path, **more):
    return SOURCES.parse({"kind": "images", "path": str(path), "size": 8, **more})


@pytest.mark.parametrize(
    "name",
    FORMATS,
)
def test_every_format_is_read(folder, name):
    kind = {".pnm": "PPM", ".jpe": "JPEG", ".jfif": "JPEG", ".j2k": "JPEG2000"}.get(Path(name).suffix)
    big = np.tile(np.random.default_rng(0).integers(0, 256, (1, 1, 3), dtype=np.uint8), (16, 16, 1))
    try:
        Image.fromarray(big).save(folder / name, **({"format": kind} if kind else {}))
    except (ValueError, KeyError, OSError):
        pytest.skip("this Pillow does not write it")
    assert detect([str(folder)]).settings["kind"] == "images"
    store = prepare(images(folder))
    assert np.abs(store.gather(np.array([0]))[0].astype(int) - big[0, 0]).max() <= 12


def test_content_decides_where_the_ending_is_wrong_or_missing(folder):
    wrong = {"a.png": "JPEG", "b.jpg": "PNG", "none": "JPEG", "x.jpg_large": "PNG", "y.dat": "WEBP", "z": "TIFF"}
    for name, kind in wrong.items():
        photo(folder / name, format=kind)
    (folder / "w.dat").write_bytes(b"something")
    store = prepare(images(folder))
    assert sorted(store.file_names) == ["a.png", "b.jpg", "none", "x.jpg_large", "y.dat", "z"]
    assert store.seen.others == {".dat": 1}
    assert detect([str(folder / "none")]).settings["kind"] == "images"


def test_no_file_with_a_known_ending_is_opened_to_be_listed(folder, monkeypatch):
    for n in range(3):
        photo(folder / f"{n}.png")
    (folder / "a.txt").write_text("x")
    (folder / "b.json").write_text("{}")
    looked = []
    monkeypatch.setattr(extensions, "begins_as", lambda path: looked.append(path) or "")
    assert len(image_files(str(folder)).files) == 3
    assert looked == []


def test_the_rest_is_counted_or_named(folder):
    photo(folder / "1.png")
    for name in ("a.txt", "b.txt", "c.json", "LICENSE", "Thumbs.db", ".DS_Store", "clip.mp4"):
        (folder / name).write_bytes(b"x")
    for name in ("d.svg", "e.eps", "f.CR2", "g.psd"):
        (folder / name).write_bytes(b"x")
    (folder / "h.HEIC").write_bytes(HEIC)
    (folder / "i.jxl").write_bytes(b"\xff\x0a" + bytes(50))
    (folder / "page.jpg").write_text("<!DOCTYPE html><html>not found</html>")
    store = prepare(images(folder))
    assert store.seen.others == {".txt": 2, ".json": 1, "without extension": 1, ".db": 1, "hidden": 1, ".mp4": 1}
    reasons = dict(store.skipped)
    assert set(reasons) == {"d.svg", "e.eps", "f.CR2", "g.psd", "h.HEIC", "i.jxl", "page.jpg"}
    assert "tilework[heif]" in reasons["h.HEIC"] or "heif" in sys.modules
    assert "JPEG XL" in reasons["i.jxl"]
    assert "HTML" in reasons["page.jpg"]
    assert "lines" in reasons["d.svg"]


@pytest.mark.parametrize("content", PROGRAMS)
@pytest.mark.parametrize("name", ["a.png", "a.eps", "a.pdf", "a.wmf", "a"])
def test_nothing_that_starts_another_program_is_opened(folder, monkeypatch, content, name):
    from PIL import EpsImagePlugin, WmfImagePlugin

    for plugin in (EpsImagePlugin.EpsImageFile, WmfImagePlugin.WmfStubImageFile):
        monkeypatch.setattr(plugin, "_open", lambda _: pytest.fail("it was opened"))
    (folder / name).write_bytes(content)
    with pytest.raises(Unreadable):
        decode(folder / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_is_no_file_is_named_and_never_waited_for(folder):
    photo(folder / "1.png")
    os.mkfifo(folder / "pipe.png")
    os.mkfifo(folder / "pipe")
    os.mkfifo(folder / "pipe.zip")
    (folder / "device.png").symlink_to(os.devnull)
    with socket.socket(socket.AF_UNIX) as bound:
        here = os.getcwd()
        os.chdir(folder)  # a socket's path has to be short
        try:
            bound.bind("s.jpg")
        finally:
            os.chdir(here)
        assert detect([str(folder)]).settings["kind"] == "images"
        store = prepare(images(folder))
    assert dict(store.skipped) == {
        "device.png": "it is a device and not a file",
        "pipe.png": "it is a named pipe and not a file",
        "pipe.zip": "it is a named pipe and not a file",
        "s.jpg": "it is a socket and not a file",
    }
    for kind, name in (("frames", "f.png"), ("animations", "f.gif"), ("video", "f.mp4")):
        (folder / kind).mkdir()
        os.mkfifo(folder / kind / name)
        source = SOURCES.parse({"kind": kind, "path": str(folder / kind), "size": 8})
        with pytest.raises(UserError, match="cannot be read"):
            list(source.items())
    for name in ("pipe", "pipe.png", "pipe.zip"):
        with pytest.raises(UserError):
            prepare(SOURCES.parse({**detect([str(folder / name)]).settings, "size": 8}))


def test_huge_files_cost_no_memory(folder):
    photo(folder / "1.png")
    for name, head, size in (
        ("zero.jpg", b"", 3 * 2**30),
        ("a.webp", b"RIFF\0\0\0\x10WEBPVP8 ", 2**29),
        ("b.tif", b"II*\0\x08\0\0\0", 2**29),
        ("c.ppm", b"P6 9 9 255\n", 2**29),
    ):
        with open(folder / name, "wb") as file:
            file.write(head)
            file.truncate(size)
    tracemalloc.start()
    store = prepare(images(folder))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert store.count >= 1
    assert {"zero.jpg", "a.webp", "b.tif"} <= set(dict(store.skipped))
    assert peak < 2**26


def test_a_folder_that_cannot_be_listed_is_named_in_every_kind(folder, monkeypatch):
    photo(folder / "a" / "1.png")
    photo(folder / "a" / "2.png", 1)
    Image.new("RGB", (8, 8)).save(folder / "a" / "3.gif")
    (folder / "locked").mkdir()
    scan = os.scandir

    def denied(path):
        if str(path).rstrip("/").endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", denied)
    (folder / "a" / "sketch.js").write_text("function draw() { background(9); }")
    (folder / "a" / "4.mp4").touch()
    for kind in ("images", "frames", "animations"):
        source = SOURCES.parse({"kind": kind, "path": str(folder), "size": 8})
        assert list(source.items()), kind
        assert "hidden" not in source.seen().others
        assert source.unreadable() == [("locked", "this folder cannot be listed: permission denied")], kind
    clips = SOURCES.parse({"kind": "video", "path": str(folder), "size": 8})
    with pytest.raises(UserError, match="none of the 2"):
        list(clips.items())
    assert clips.unreadable()[-1] == ("locked", "this folder cannot be listed: permission denied")
    denied = []
    sketches = SOURCES.parse({"kind": "sketches", "path": str(folder), "size": 8})
    assert [one.name for one in sketches.sketches(denied)] == ["a"]
    assert denied == [("locked", "this folder cannot be listed: permission denied")]
    assert detect([str(folder)]).settings["kind"] == "sketches"
    assert prepare(images(folder)).classes == ("a",)  # what cannot be listed decides nothing


# One file with a known name does not decide for all ------------------------------------------------------------------


@pytest.mark.parametrize("marker", MARKERS)
def test_photographs_beside_one_other_file(folder, marker):
    for n in range(24):
        photo(folder / f"IMG_{n * 7}.jpg", n)
    (folder / marker).write_bytes(b"<html></html>")
    found = detect([str(folder)])
    assert found.settings["kind"] == "images"
    assert prepare(images(folder)).seen.others.get(".html", 0) == marker.endswith(".html")
    if marker in {"x.parquet", "a.npy", "clip.mp4"}:
        assert "also holds 1 " in found.note


def test_tables_with_few_images_are_a_data_set(folder):
    for n in range(4):
        (folder / f"train-{n}.parquet").write_bytes(b"PAR1")
    photo(folder / "sample.png")
    found = detect([str(folder)])
    assert found.settings["kind"] == "hub"
    assert "1 images" in found.note


def test_heic_is_read_where_a_decoder_is_installed(folder, monkeypatch):
    """Read by a stand-in for pillow-heif that registers as it does."""
    from PIL import PngImagePlugin

    from tilework.data.media import formats

    class StandIn(PngImagePlugin.PngImageFile):
        def _open(self) -> None:
            self._size, self._mode, self.tile = (6, 4), "RGB", []

        def load(self) -> None:
            self.im = Image.new("RGB", (6, 4), (200, 30, 60)).im

    def register() -> None:
        Image.register_open("HEIF", StandIn, lambda prefix: prefix[4:8] == b"ftyp")

    (folder / "a.heic").write_bytes(HEIC)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    formats._rare.cache_clear()
    with pytest.raises(Unreadable, match=r"tilework\[heif\]"):
        decode(folder / "a.heic")
    monkeypatch.setitem(
        sys.modules, "pillow_heif", type("Module", (), {"register_heif_opener": staticmethod(register)})
    )
    formats._rare.cache_clear()
    try:
        assert decode(folder / "a.heic").shape == (4, 6, 3)
    finally:
        formats._rare.cache_clear()
        Image.OPEN.pop("HEIF", None)
        Image.ID.remove("HEIF")


# Files that move, and files whose names do not give their kind --------------------------------------------------------


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_animations_among_images_are_named_one_by_one(folder, suffix):
    for n in range(4):
        photo(folder / f"{n}.jpg", n)
    animation(folder / f"moves{suffix}", [20, 90, 160])
    photo(folder / f"still{suffix}")
    found = detect([str(folder)])
    assert found.settings["kind"] == "images"
    may_move = 2 if suffix == ".gif" else 1  # of other kinds the content is looked at
    assert (
        found.note == f"{may_move} of the images in {folder} may be animations: of such the first frame alone is taken"
    )
    store = prepare(images(folder))
    assert store.count == 6
    assert [(note.file, note.kind) for note in store.notes] == [(f"moves{suffix}", "animated")]
    assert "--kind animations" in words(store.notes[0])


def test_stills_among_animations_are_counted_as_what_they_become(folder):
    for n in range(3):
        animation(folder / f"{n}.webp", [20, 90 + n, 160])
    photo(folder / "still.png")
    photo(folder / "photo.jpg")
    found = detect([str(folder)])
    assert found.settings["kind"] == "animations"
    assert found.note == f"{folder} also holds 1 images (taken are the 4 animations)"
    assert prepare(SOURCES.parse({**found.settings, "size": 8})).count == 10


def test_a_file_of_several_pages_is_reported(folder):
    pages = [Image.new("L", (9, 9), tone) for tone in (10, 90)]
    pages[0].save(folder / "scan.tif", save_all=True, append_images=pages[1:])
    photo(folder / "one.tif")
    assert [(note.file, note.kind) for note in prepare(images(folder)).notes] == [("scan.tif", "pages")]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".avi", ".gif", ".webp", ".png"])
def test_what_has_no_ending_is_known_by_its_content_in_a_folder_too(folder, suffix):
    make = animation if suffix in {".gif", ".webp", ".png"} else None
    codec = {".webm": "libvpx", ".avi": "mpeg4"}.get(suffix, "libx264")
    for n, name in enumerate(("plain", "with.number.7", "last")):
        made = folder / f"x{n}{suffix}"
        if make is None:
            clip(made, [levels(7), levels(9)], codec=codec)
        else:
            make(made, [20, 90 + n])
        made.rename(folder / "below" / name if n == 2 and (folder / "below").mkdir() is None else folder / name)
    (folder / "notes").write_text("words")
    found = detect([str(folder)])
    assert found.settings["kind"] == ("animations" if make else "video")
    source = SOURCES.parse({**found.settings, "size": 8})
    assert prepare(source).count == 6
    assert detect([str(folder / "plain")]).settings["kind"] == found.settings["kind"]


def test_an_archive_without_ending_is_named_where_a_folder_is_read(folder):
    photo(folder / "1.png")
    shutil.make_archive(str(folder / "more"), "zip", folder, "1.png")
    (folder / "more.zip").rename(folder / "more")
    assert dict(prepare(images(folder)).skipped).keys() == {"more"}
    (folder / "1.png").unlink()
    with pytest.raises(UserError, match="nothing to learn from") as caught:
        detect([str(folder)])
    assert caught.value.fix == f"name it: {folder / 'more'}"


def test_what_has_no_size_is_never_opened(folder, monkeypatch):
    """The system makes up files in /proc and /sys, of no size, and reading some of them waits for ever."""
    photo(folder / "1.png")
    (folder / "kmsg").touch()
    whole = open

    def watched(path, *more, **others):
        assert Path(path).name != "kmsg"
        return whole(path, *more, **others)

    monkeypatch.setattr("builtins.open", watched)
    assert detect([str(folder)]).settings["kind"] == "images"
    assert prepare(images(folder)).count == 1
