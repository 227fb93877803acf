"""Images out of .zip and .tar: as out of a folder, nothing ever leaves the archive, and what is broken is named."""

from __future__ import annotations

import contextlib
import gzip
import io
import shutil
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tilework.data import prepare
from tilework.data.catalogue.detect import detect
from tilework.data.files import archive
from tilework.errors import UserError
from tilework.spec import SOURCES

KINDS = ["zip", "tar", "tgz", "tar.gz", "tar.bz2", "tar.xz"]


def png(seed: int = 0, side: int = 8) -> bytes:
    out = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(noise).save(out, "PNG")
    return out.getvalue()


def pack(path: Path, files: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
            for name, content in files.items():
                out.writestr(name, content)
        return path
    packing = {"tgz": "gz", "gz": "gz", "bz2": "bz2", "xz": "xz"}.get(path.suffix[1:], "")
    with tarfile.open(path, f"w:{packing}") as out:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            out.addfile(info, io.BytesIO(content))
    return path


def images(path: Path, **more):
    return SOURCES.parse({"kind": "images", "path": str(path), "size": 8, **more})


def left_out(source) -> dict[str, str]:
    list(source.items())
    return dict(source.unreadable())


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_as_the_folder(tmp_path, kind):
    files = {
        f"pets/{part}/{c}/{n}.png": png(n + 7 * len(c + part))
        for part in ("train", "val")
        for c in ("cat", "horse")
        for n in range(12)
    }
    files |= {"pets/README.txt": b"x", "pets/train/cat/broken.png": b"no image", "pets/train/cat/without": png(99)}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    folder = prepare(images(tmp_path / "pets"))
    source = images(pack(tmp_path / f"a.{kind}", files))
    store = prepare(source)
    assert detect([str(tmp_path / f"a.{kind}")]).settings == {"kind": "images", "path": str(tmp_path / f"a.{kind}")}
    assert store.classes == folder.classes == ("cat", "horse")
    assert store.skipped == folder.skipped == [("train/cat/broken.png", "it is not an image in a known format")]
    assert store.seen == folder.seen
    assert sorted(store.file_names) == sorted(folder.file_names)
    pixels = {
        s.file_of(n): (s.gather(np.array([n])).tobytes(), s.held_out[n]) for s in (store,) for n in range(s.count)
    }
    assert pixels == {
        folder.file_of(n): (folder.gather(np.array([n])).tobytes(), folder.held_out[n]) for n in range(folder.count)
    }
    if kind in {"zip", "tar"}:  # in the same order too: a packed tar comes out in its own
        assert store.content_hash == folder.content_hash
    items = list(source.items())
    place = len(items) // 2
    rest = [item.file for item in source.items_after(items[place].file, 0)]
    assert rest == [item.file for item in items[place + 1 :]]
    assert [item.file for item in images(tmp_path / f"a.{kind}", limit=3).items()]


def test_nothing_leaves_a_zip(tmp_path):
    path = pack(tmp_path / "in.zip", {"a/1.png": png(), "../out.png": png(), "/abs.png": png(), "C:\\w.png": png()})
    with zipfile.ZipFile(path, "a") as out:
        link = zipfile.ZipInfo("a/link.png")
        link.external_attr = 0o120777 << 16
        out.writestr(link, "/etc/passwd")
        out.writestr("a/more.zip", b"PK\5\6" + bytes(18))
        out.writestr("b\\2.png", png(1))
    reasons = left_out(images(path))
    assert {name: reason.split(";")[0] for name, reason in reasons.items()} == {
        "../out.png": "its name leads out of the archive",
        "abs.png": "its name leads out of the archive",
        "C:/w.png": "its name leads out of the archive",
        "a/link.png": "it is a link, which an archive's images never follow",
        "a/more.zip": "it is an archive within the archive",
    }
    assert [item.file for item in images(path).items()] == ["a/1.png", "b/2.png"]
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "cache") == ["in.zip"]


@pytest.mark.parametrize("kind", ["tar", "tgz"])
def test_nothing_leaves_a_tar(tmp_path, kind):
    path = tmp_path / f"in.{kind}"
    with tarfile.open(path, "w:gz" if kind == "tgz" else "w") as out:
        for name, type_ in (
            ("1.png", tarfile.REGTYPE), ("../2.png", tarfile.REGTYPE), ("soft.png", tarfile.SYMTYPE),
            ("hard.png", tarfile.LNKTYPE), ("pipe.png", tarfile.FIFOTYPE), ("device.png", tarfile.CHRTYPE),
        ):  # fmt: skip
            info = tarfile.TarInfo(name)
            info.type, info.linkname = type_, "/etc/passwd"
            content = png() if type_ == tarfile.REGTYPE else b""
            info.size = len(content)
            out.addfile(info, io.BytesIO(content))
    assert set(left_out(images(path))) == {"../2.png", "soft.png", "hard.png", "pipe.png", "device.png"}


def test_an_encrypted_member_is_named(tmp_path):
    path = pack(tmp_path / "a.zip", {"1.png": png(), "2.png": png(1)})
    content = bytearray(path.read_bytes())
    content[content.find(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    assert "encrypted" in left_out(images(path))["1.png"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_that_is_cut_short(tmp_path, kind):
    path = pack(tmp_path / f"a.{kind}", {f"{n}.png": png(n, 56) for n in range(9)})
    whole = path.read_bytes()
    for part in (0.8, 0.5, 0.02):
        path.write_bytes(whole[: int(len(whole) * part)])
        reasons = []
        try:
            settings = detect([str(path)]).settings
            reasons = list(left_out(SOURCES.parse({**settings, "size": 8})).values())
        except UserError as error:
            reasons = [error.why]
        assert any(word in reason for reason in reasons for word in ("broken", "breaks off", "damaged")), (
            part,
            reasons,
        )


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_archives_never_crash(tmp_path, kind):
    path = pack(tmp_path / f"a.{kind}", {f"{n}.png": png(n) for n in range(8)})
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for _ in range(40):
        content = bytearray(whole)
        for _ in range(int(rng.integers(1, 5))):
            content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
        path.write_bytes(content)
        archive._members.cache_clear()
        with contextlib.suppress(UserError):
            list(images(path).items())


def test_a_zip_bomb_is_named_and_never_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "_MEMBER_FREE", 2**16)
    path = pack(tmp_path / "a.zip", {"1.png": png(), "bomb.bmp": bytes(2**24)})
    tracemalloc.start()
    reasons = left_out(images(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "times its size" in reasons["bomb.bmp"]
    assert peak < 2**23


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_an_archive_that_unpacks_to_too_much_in_all(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(archive, "FREE", 2**19)
    monkeypatch.setattr(archive, "RATIO", 20)
    archive._members.cache_clear()
    path = pack(tmp_path / f"a.{kind}", {"1.png": png(), **{f"bomb{n}.bmp": bytes(2**20) for n in range(9)}})
    reasons = left_out(images(path))
    assert "more than 20 times its size" in list(reasons.values())[-1]
    assert [item.file for item in images(path).items()] == ["1.png"]


def test_a_member_that_claims_to_be_huge(tmp_path):
    path = tmp_path / "a.tgz"
    with gzip.open(path, "wb") as out:
        for name, size, content in (("1.png", len(png()), png()), ("huge.png", 2**40, b"x")):
            info = tarfile.TarInfo(name)
            info.size = size
            out.write(info.tobuf() + content + bytes(-len(content) % 512))
    reasons = left_out(images(path))
    assert "MiB" in reasons["huge.png"]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"a.mp4": b"x", "b.mp4": b"x"}, "2 videos"),
        ({"s/sketch.js": b"x"}, "sketches"),
        ({"a.npy": b"x"}, "1 arrays"),
        ({"a.txt": b"x"}, "nothing to learn from"),
        ({}, "nothing to learn from"),
    ],
)
def test_archives_of_other_things_are_refused_with_how_to_go_on(tmp_path, files, words):
    for kind in ("zip", "tar"):
        with pytest.raises(UserError, match=words) as caught:
            detect([str(pack(tmp_path / f"a.{kind}", files))])
        assert caught.value.fix
    for kind in ("video", "animations", "frames"):
        with pytest.raises(UserError, match="archive") as caught:
            list(SOURCES.parse({"kind": kind, "path": str(tmp_path / "a.zip")}).items())
        assert "unpack it" in caught.value.fix


@pytest.mark.parametrize("name", ["a.7z", "a.rar", "a.tar.zst"])
def test_archives_that_cannot_be_read(tmp_path, name):
    (tmp_path / name).write_bytes(b"7z\xbc\xaf\x27\x1c" + bytes(40))
    with pytest.raises(UserError) as caught:
        detect([str(tmp_path / name)])
    assert "unpack it" in caught.value.fix


def test_an_archive_in_a_folder_is_named_with_what_to_do(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.png").write_bytes(png())
    pack(tmp_path / "in" / "more.tar.gz", {"2.png": png(1)})
    reasons = left_out(images(tmp_path / "in"))
    assert list(reasons) == ["more.tar.gz"]
    assert "tilework data add" in reasons["more.tar.gz"]


def test_a_folder_of_archives_alone_is_reported(tmp_path):
    (tmp_path / "in").mkdir()
    path = pack(tmp_path / "in" / "a.zip", {"1.png": png()})
    with pytest.raises(UserError, match="nothing to learn from") as caught:
        detect([str(tmp_path / "in")])
    assert str(path) in caught.value.fix
    path.unlink()
    (tmp_path / "in" / "a.svg").write_text("<svg/>")
    with pytest.raises(UserError) as caught:
        detect([str(tmp_path / "in")])
    assert "export it as PNG" in caught.value.why


def test_an_archive_without_its_ending_and_a_folder_beside_it(tmp_path):
    pack(tmp_path / "a.zip", {"cats/1.png": png()})
    shutil.move(tmp_path / "a.zip", tmp_path / "download")
    (tmp_path / "dogs").mkdir()
    (tmp_path / "dogs" / "1.png").write_bytes(png(1))
    paths = [str(tmp_path / "download"), str(tmp_path / "dogs")]
    assert detect(paths).settings["kind"] == "images"
    source = SOURCES.parse({"kind": "images", "path": paths, "size": 8})
    assert [item.file for item in source.items()] == ["download/1.png", "dogs/1.png"]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("tar")])
def test_a_tar_that_is_cut_short_is_reported_with_what_is_left_of_it(tmp_path, kind):
    """Whatever the place of the cut: the number that is reported is the number of images that come out."""
    path = pack(tmp_path / f"a.{kind}", {f"{n}.png": png(n, 56) for n in range(9)})
    whole = path.read_bytes()
    for part in (0.9, 0.6, 0.45, 0.3):
        path.write_bytes(whole[: int(len(whole) * part)])
        source = images(path)
        try:
            taken = len(list(source.items()))
        except UserError:
            continue  # nothing came out of it
        (cut,) = [reason for _, reason in source.unreadable() if "whatever followed is lost" in reason]
        assert f": {taken:,} image" in cut, (part, taken, cut)
