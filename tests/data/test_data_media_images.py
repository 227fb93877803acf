"""Decoding: every kind of file that people have, and every kind that is broken."""

from __future__ import annotations

import io
import os
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, features

from tilework.data.media import images
from tilework.data.media.images import Unreadable, decode

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, size=(12, 20, 3), dtype=np.uint8)
GREY = RNG.integers(0, 256, size=(12, 20), dtype=np.uint8)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff", "webp"])
def test_lossless_formats_give_their_pixels(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(COLOUR).save(path, **({"lossless": True} if suffix == "webp" else {}))
    assert np.array_equal(decode(path), COLOUR)


def test_jpeg_is_what_pillow_reads(tmp_path):
    path = tmp_path / "a.jpg"
    Image.fromarray(COLOUR).save(path, quality=90)
    assert np.array_equal(decode(path), np.asarray(Image.open(path)))


def test_a_large_jpeg_may_be_decoded_smaller_but_never_below_what_is_asked(tmp_path):
    path = tmp_path / "a.jpg"
    Image.new("RGB", (1600, 1200), (200, 30, 60)).save(path)
    out = decode(path, at_least=128)
    assert min(out.shape[:2]) >= 128
    assert out.shape[0] < 1200
    assert np.abs(out.astype(int) - (200, 30, 60)).max() <= 4


def test_grey_stays_one_channel(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    assert np.array_equal(decode(tmp_path / "a.png"), GREY[:, :, None])


def test_one_bit(tmp_path):
    bits = GREY > 127
    Image.fromarray(bits).save(tmp_path / "a.png")
    assert np.array_equal(decode(tmp_path / "a.png")[:, :, 0], bits * np.uint8(255))


def test_sixteen_bit_grey_is_divided_by_257(tmp_path):
    deep = RNG.integers(0, 65536, size=(12, 20)).astype(np.uint16)
    deep[0, :3] = 0, 65535, 257
    for suffix in ("png", "tiff"):
        Image.fromarray(deep).save(tmp_path / f"a.{suffix}")
        expected = np.rint(deep / 257).astype(np.uint8)
        assert np.array_equal(decode(tmp_path / f"a.{suffix}")[:, :, 0], expected)


def test_cmyk(tmp_path):
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.tif")
    assert (decode(tmp_path / "a.tif") == (255, 0, 0)).all()
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    assert np.abs(decode(tmp_path / "a.jpg").astype(int) - (255, 0, 0)).max() <= 6


def test_palette_with_and_without_transparency(tmp_path):
    paletted = Image.new("P", (4, 2))
    paletted.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
    paletted.putdata([0, 1, 2, 1, 0, 1, 2, 1])
    paletted.save(tmp_path / "solid.png")
    assert tuple(decode(tmp_path / "solid.png")[0, 2]) == (0, 0, 255)
    paletted.save(tmp_path / "clear.png", transparency=1)
    out = decode(tmp_path / "clear.png", background=(1, 2, 3))
    assert tuple(out[0, 1]) == (1, 2, 3)
    assert tuple(out[0, 2]) == (0, 0, 255)


def test_alpha_is_laid_over_the_background(tmp_path):
    clear = np.dstack([COLOUR, RNG.integers(0, 256, size=(12, 20), dtype=np.uint8)])
    Image.fromarray(clear).save(tmp_path / "a.png")
    alpha = clear[:, :, 3:] / 255
    expected = clear[:, :, :3] * alpha + np.array([10, 20, 240]) * (1 - alpha)
    assert np.abs(decode(tmp_path / "a.png", background=(10, 20, 240)) - expected).max() <= 1
    Image.new("LA", (4, 4), (50, 0)).save(tmp_path / "b.png")
    assert (decode(tmp_path / "b.png", background=(7, 8, 9)) == (7, 8, 9)).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_turns_the_image_upright(tmp_path, orientation):
    # How a camera that was turned this way stores the upright image.
    stored = {
        1: COLOUR,
        2: COLOUR[:, ::-1],
        3: COLOUR[::-1, ::-1],
        4: COLOUR[::-1],
        5: COLOUR.transpose(1, 0, 2),
        6: np.rot90(COLOUR, 1),
        7: COLOUR[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(COLOUR, -1),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored[orientation])).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(decode(tmp_path / "a.png"), COLOUR)


def test_gif_gives_its_first_frame(tmp_path):
    first, second = Image.new("RGB", (8, 6), "red"), Image.new("RGB", (8, 6), "blue")
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second])
    assert (decode(tmp_path / "a.gif") == (255, 0, 0)).all()


def test_floats_in_range_are_read_and_others_refused(tmp_path):
    Image.fromarray(np.full((3, 4), 0.5, dtype=np.float32)).save(tmp_path / "a.tiff")
    assert (decode(tmp_path / "a.tiff") == 128).all()
    Image.fromarray(np.full((3, 4), 7.5, dtype=np.float32)).save(tmp_path / "b.tiff")
    with pytest.raises(Unreadable, match=r"outside \[0, 1\]"):
        decode(tmp_path / "b.tiff")


def broken_files() -> dict[str, bytes]:
    whole = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, size=(64, 64, 3), dtype=np.uint8)).save(whole, "PNG")
    jpeg = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, size=(64, 64, 3), dtype=np.uint8)).save(jpeg, "JPEG")
    png = whole.getvalue()
    return {
        "empty": b"",
        "text": b"this is not an image at all\n",
        "cut png": png[: len(png) // 2],
        "cut jpeg": jpeg.getvalue()[: len(jpeg.getvalue()) // 2],
        "signature only": png[:8],
        "damaged header": png[:16] + b"\xff" * 8 + png[24:],
        "html": b"<html><body>404</body></html>",
    }


@pytest.mark.parametrize("name", list(broken_files()))
def test_broken_files_are_unreadable_with_a_reason(tmp_path, name):
    path = tmp_path / "a.png"
    path.write_bytes(broken_files()[name])
    with pytest.raises(Unreadable) as caught:
        decode(path)
    assert str(caught.value)


def test_missing_and_forbidden_files_are_unreadable(tmp_path, monkeypatch):
    with pytest.raises(Unreadable, match="no such file"):
        decode(tmp_path / "gone.png")
    Image.fromarray(COLOUR).save(tmp_path / "a.png")

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(images.Image, "open", denied)
    with pytest.raises(Unreadable, match="permission denied"):
        decode(tmp_path / "a.png")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_read_permission(tmp_path):
    Image.fromarray(COLOUR).save(tmp_path / "a.png")
    (tmp_path / "a.png").chmod(0)
    with pytest.raises(Unreadable, match="permission denied"):
        decode(tmp_path / "a.png")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    Image.new("1", (12_000, 12_000)).save(tmp_path / "bomb.png")
    assert (tmp_path / "bomb.png").stat().st_size < 100_000
    with pytest.raises(Unreadable, match="million pixels"):
        decode(tmp_path / "bomb.png")
    monkeypatch.setattr(images.Image, "MAX_IMAGE_PIXELS", 1_000_000)  # Pillow's own guard, should it come first
    with pytest.raises(Unreadable, match="million pixels"):
        decode(tmp_path / "bomb.png")


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow reads no AVIF")
def test_avif(tmp_path):
    Image.new("RGB", (32, 16), (200, 30, 60)).save(tmp_path / "a.avif", quality=90)
    out = decode(tmp_path / "a.avif")
    assert out.shape == (16, 32, 3)
    assert np.abs(out.astype(int) - (200, 30, 60)).max() <= 6


@pytest.mark.parametrize("suffix", ["png", "webp", "tiff", "jpg"])
def test_an_orientation_is_found_in_every_format(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned right by a quarter
    Image.fromarray(COLOUR).save(tmp_path / f"a.{suffix}", exif=exif)
    assert decode(tmp_path / f"a.{suffix}").shape == (20, 12, 3)


def test_a_real_decompression_bomb(tmp_path):
    """A small file of 30,000 x 30,000 pixels: its header is enough to refuse it."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")

    header = (30_000).to_bytes(4, "big") * 2 + bytes([1, 0, 0, 0, 0])
    packed = zlib.compress(bytes(30_000 * 3751), 9)
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b""))
    assert path.stat().st_size < 200_000
    with pytest.raises(Unreadable, match="million pixels"):
        decode(path)


def test_threads_leave_the_warnings_alone(tmp_path):
    Image.fromarray(COLOUR).save(tmp_path / "a.png")
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: decode(tmp_path / "a.png"), range(200)))
    assert list(warnings.filters) == before
