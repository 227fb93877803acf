"""Colour profiles and values of more than 8 bits: the levels that a screen would show."""

from __future__ import annotations

import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from tilework.data import prepare
from tilework.data.catalogue.detect import detect
from tilework.data.media.depth import Depth
from tilework.data.media.images import Unreadable, decode
from tilework.data.media.profile import to_srgb
from tilework.errors import UserError
from tilework.spec import SOURCES

RNG = np.random.default_rng(0)
YY, XX = np.mgrid[0:24, 0:36]
COLOUR = np.stack([40 + XX * 5, 60 + YY * 6, 180 - XX * 3], -1).clip(0, 255).astype(np.uint8)
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
PROPHOTO = ((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03135, 0.00008, 0.82491))


def icc(primaries: tuple[tuple[float, float, float], ...], gamma: float) -> bytes:
    """A display's profile: its primaries and one gamma; a grey one where there are no primaries."""

    def fixed(values: tuple[float, ...]) -> bytes:
        return b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    def xyz(values: tuple[float, ...]) -> bytes:
        return b"XYZ \0\0\0\0" + fixed(values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    name = b"made here\0"
    about = b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(78)
    white = (0.9642, 1.0, 0.8249)
    tags = {b"desc": about, b"cprt": b"text\0\0\0\0none\0", b"wtpt": xyz(white)}
    if primaries:
        tags |= {c + b"XYZ": xyz(p) for c, p in zip((b"r", b"g", b"b"), primaries, strict=True)}
        tags |= {c + b"TRC": curve for c in (b"r", b"g", b"b")}
    else:
        tags[b"kTRC"] = curve
    at, table, data = 132 + 12 * len(tags), b"", b""
    for key, value in tags.items():
        padded = value + b"\0" * (-len(value) % 4)
        table += key + struct.pack(">II", at + len(data), len(padded))
        data += padded
    space = b"RGB " if primaries else b"GRAY"
    head = struct.pack(">I4sI4s4s4s", at + len(data), b"lcms", 0x02400000, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + fixed(white)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data


def expected(image: Image.Image, profile: bytes) -> np.ndarray:
    """What littleCMS makes of it, asked in one step."""
    there = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    done = ImageCms.profileToProfile(image, there, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert done is not None
    return np.asarray(done).astype(int)


@pytest.mark.parametrize("primaries", [ADOBE, P3, PROPHOTO], ids=["adobe", "p3", "prophoto"])
@pytest.mark.parametrize("kind", ["png", "jpg", "webp", "tif"])
def test_wide_colours_come_out_as_littlecms_has_them(tmp_path, primaries, kind):
    profile = icc(primaries, 1.8 if primaries is PROPHOTO else 2.2)
    more = {"jpg": {"quality": 100, "subsampling": 0}, "webp": {"lossless": True}}.get(kind, {})
    path = tmp_path / f"a.{kind}"
    Image.fromarray(COLOUR).save(path, icc_profile=profile, **more)
    out = decode(path).astype(int)
    with Image.open(path) as image:
        assert np.abs(out - expected(image, profile)).max() <= 1
        assert np.abs(out - np.asarray(image)).max() > 8


def test_transparency_palettes_and_grey_with_a_profile(tmp_path):
    profile = icc(ADOBE, 2.2)
    want = expected(Image.fromarray(COLOUR), profile)
    clear = np.dstack([COLOUR, np.full(COLOUR.shape[:2], 255, np.uint8)])
    clear[:4, :, 3] = 0
    Image.fromarray(clear).save(tmp_path / "a.png", icc_profile=profile)
    out = decode(tmp_path / "a.png", background=(10, 20, 30))
    assert np.abs(out[4:].astype(int) - want[4:]).max() <= 1
    assert (out[:4] == (10, 20, 30)).all()  # the background is a colour of the screen already
    flat = Image.fromarray(COLOUR).quantize(16)
    flat.save(tmp_path / "p.png", icc_profile=profile)
    assert np.abs(decode(tmp_path / "p.png").astype(int) - expected(flat.convert("RGB"), profile)).max() <= 1
    grey = np.arange(256, dtype=np.uint8)[None]
    Image.fromarray(grey).save(tmp_path / "g.png", icc_profile=icc((), 1.8))
    assert np.array_equal(decode(tmp_path / "g.png")[..., 0], grey)


def test_what_is_srgb_already_is_not_touched(tmp_path):
    whole = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image.fromarray(COLOUR)
    for profile in (whole, b"", whole[:50], b"nothing at all", icc((), 2.2), icc(ADOBE, 2.2)[:200]):
        image.info["icc_profile"] = profile
        assert to_srgb(image) is image
    Image.fromarray(COLOUR).save(tmp_path / "a.png", icc_profile=whole)
    assert np.array_equal(decode(tmp_path / "a.png"), COLOUR)
    Image.fromarray(COLOUR[..., 0]).save(tmp_path / "g.png", icc_profile=icc(ADOBE, 2.2))  # a profile of another kind
    assert np.array_equal(decode(tmp_path / "g.png")[..., 0], COLOUR[..., 0])


def test_damaged_profiles_cost_no_image(tmp_path):
    profile = icc(ADOBE, 2.2)
    for _ in range(30):
        broken = bytearray(profile)
        for _ in range(int(RNG.integers(1, 6))):
            broken[int(RNG.integers(len(broken)))] = int(RNG.integers(256))
        Image.fromarray(COLOUR).save(tmp_path / "a.png", icc_profile=bytes(broken))
        assert decode(tmp_path / "a.png").shape == COLOUR.shape


def test_lab_is_read(tmp_path):
    lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    made = ImageCms.applyTransform(Image.fromarray(COLOUR), lab)
    assert made is not None
    made.save(tmp_path / "a.tif")
    assert np.abs(decode(tmp_path / "a.tif").astype(int) - COLOUR).mean() < 3  # 8 bits of Lab are coarse


def test_many_threads_and_many_profiles(tmp_path):
    jobs = []
    for n, primaries in enumerate((ADOBE, P3, PROPHOTO) * 3):
        path = tmp_path / f"{n}.png"
        profile = icc(primaries, 1.8 + n / 50)
        Image.fromarray(COLOUR).save(path, icc_profile=profile)
        jobs += [(path, expected(Image.fromarray(COLOUR), profile))] * 4
    with ThreadPoolExecutor(8) as pool:
        for out, (_, want) in zip(pool.map(lambda job: decode(job[0]), jobs), jobs, strict=True):
            assert np.abs(out.astype(int) - want).max() <= 1


# More than 8 bits ----------------------------------------------------------------------------------------------------


def png16(path: Path, values: np.ndarray, sbit: int = 0) -> Path:
    """A PNG of 16 bits in 1 to 4 channels."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    height, width, channels = values.shape
    head = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    sbit_chunk = chunk(b"sBIT", bytes([sbit] * channels)) if sbit else b""
    parts = chunk(b"IHDR", head) + sbit_chunk + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + parts)
    return path


def pnm(path: Path, values: np.ndarray, white: int) -> Path:
    head = f"P{6 if values.shape[2] == 3 else 5} {values.shape[1]} {values.shape[0]} {white}\n".encode()
    path.write_bytes(head + values.astype(">u2" if white > 255 else "u1").tobytes())
    return path


def levels(values: np.ndarray, white: int) -> np.ndarray:
    return np.rint(values.astype(float) * 255 / white).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_16_bits_are_rounded_and_12_are_not_taken_for_night(tmp_path, channels):
    values = RNG.integers(0, 65536, (9, 7, channels)).astype(np.uint16)
    assert np.array_equal(decode(png16(tmp_path / "a.png", values)), levels(values, 65535))
    few = RNG.integers(0, 4096, (9, 7, channels)).astype(np.uint16)
    path = png16(tmp_path / "b.png", few)
    depth = Depth()
    assert np.array_equal(
        decode(path, depth=depth), levels(few, 65535)
    )  # it may be a dark image: nothing shows otherwise
    assert (depth.files, depth.unused()) == (1, 12)
    assert np.array_equal(decode(path, depth=Depth(12)), levels(few, 4095))
    with pytest.raises(Unreadable, match="white is 1,023"):
        decode(path, depth=Depth(10))
    assert np.array_equal(decode(png16(tmp_path / "c.png", few, sbit=12)), levels(few, 4095))
    for scaled in ((few << 4) | (few >> 8), few << 4, (few >> 4 << 4) | (few >> 12)):  # as the standard wants it
        assert np.array_equal(decode(png16(tmp_path / "d.png", scaled, sbit=12)), levels(scaled, 65535))


def test_16_bits_with_transparency(tmp_path):
    values = RNG.integers(0, 65536, (9, 7, 4)).astype(np.uint16)
    out = decode(png16(tmp_path / "a.png", values), background=(10, 20, 30))
    alpha = values[..., 3:] / 65535
    assert np.abs(out - (values[..., :3] / 257 * alpha + np.array([10, 20, 30]) * (1 - alpha))).max() <= 1.5
    grey = values[..., :2].copy()
    grey[..., 1] = 65535
    assert np.array_equal(decode(png16(tmp_path / "b.png", grey))[..., 0], levels(grey[..., 0], 65535))


@pytest.mark.parametrize("white", [1, 100, 255, 1023, 4095, 65535])
@pytest.mark.parametrize("channels", [1, 3])
def test_pnm_by_its_maxval(tmp_path, white, channels):
    values = RNG.integers(0, white + 1, (5, 4, channels))
    assert np.array_equal(decode(pnm(tmp_path / "a.pnm", values, white)), levels(values, white))


def test_a_cut_deep_ppm_is_unreadable(tmp_path):
    path = pnm(tmp_path / "a.ppm", RNG.integers(0, 4096, (8, 8, 3)), 4095)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(Unreadable, match="ends too early"):
        decode(path)


def test_tiff_by_its_tags(tmp_path):
    values = RNG.integers(0, 4096, (8, 6)).astype(np.uint16)
    path = tmp_path / "a.tif"
    Image.fromarray(values).save(path, tiffinfo={281: 4095})
    assert np.array_equal(decode(path)[..., 0], levels(values, 4095))
    Image.fromarray(values).save(path, tiffinfo={281: 4000})  # the image's own largest value, which is no white
    assert np.array_equal(decode(path)[..., 0], levels(values, 65535))


def test_an_upright_deep_grey_image_keeps_its_numbers(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    values = RNG.integers(0, 65536, (8, 12)).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png", exif=exif, icc_profile=icc((), 1.8))
    out = decode(tmp_path / "a.png")
    assert out.shape == (12, 8, 1)
    assert np.array_equal(out[..., 0], np.rot90(levels(values, 65535), -1))


def images(path: Path, **more):
    return SOURCES.parse({"kind": "images", "path": str(path), "size": "7x9", "channels": 1, **more})


def test_a_whole_set_of_12_bits_is_reported_and_one_bright_image_is_enough(tmp_path):
    for n in range(4):
        png16(tmp_path / f"{n}.png", RNG.integers(0, 4096, (9, 7, 1)).astype(np.uint16))
    store = prepare(images(tmp_path))
    assert store.seen.unused_depth == (4, 12)
    assert prepare(images(tmp_path, depth=12)).seen.unused_depth is None
    assert prepare(images(tmp_path, depth=12)).gather(np.arange(4)).max() > 200
    frames = SOURCES.parse({"kind": "frames", "path": str(tmp_path), "size": "7x9"})
    assert prepare(frames).seen.unused_depth == (4, 12)
    resumed = images(tmp_path)
    list(resumed.items_after("1.png", 0))
    assert resumed.seen().unused_depth == (4, 12)
    png16(tmp_path / "0.png", np.full((9, 7, 1), 60000, np.uint16))
    assert prepare(images(tmp_path)).seen.unused_depth is None
    resumed = images(tmp_path)
    list(resumed.items_after("1.png", 0))  # the bright one is among those of the interrupted preparation
    assert resumed.seen().unused_depth is None


def test_dark_photographs_are_not_taken_for_frames(tmp_path):
    for n in range(6):
        coarse = np.random.default_rng(n).integers(0, 4096, (4, 4)).astype(np.uint16)
        png16(tmp_path / f"{n}.png", np.repeat(np.repeat(coarse, 8, 0), 8, 1)[..., None])
    assert detect([str(tmp_path)]).settings["kind"] == "images"


def test_arrays_of_16_bits(tmp_path):
    def array(**more):
        return SOURCES.parse({"kind": "array", "path": str(tmp_path / "a.npy"), "size": "7x9", "channels": 1, **more})

    values = RNG.integers(0, 4096, (3, 9, 7)).astype(">u2")
    np.save(tmp_path / "a.npy", values)
    store = prepare(array())
    assert store.seen.unused_depth == (3, 12)
    assert np.array_equal(store.gather(np.arange(3))[..., 0], levels(values, 65535))
    assert np.array_equal(prepare(array(depth=12)).gather(np.arange(3))[..., 0], levels(values, 4095))
    with pytest.raises(UserError, match="does not fit") as caught:
        prepare(array(depth=10))
    assert "larger data.depth" in caught.value.fix
