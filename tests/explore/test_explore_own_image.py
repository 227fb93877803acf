"""Images from anywhere, at the size and in the colours of a model."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tilework.data import Batches
from tilework.errors import UserError
from tilework.explore.opened import Opened
from tilework.explore.own_image import read

Open = Callable[[str], Opened]


@pytest.fixture
def photo() -> Image.Image:
    """Wide, dark at the left, bright at the right."""
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    return Image.fromarray(np.repeat(ramp[None, :, None], 48, 0).repeat(3, 2))


def written(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format=kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM"])
def test_formats(opened: Open, photo: Image.Image, kind: str, tmp_path: Path) -> None:
    model = opened("gaussian")
    found = read(written(photo, kind), model)
    expected = read(written(photo, "PNG"), model).pixels
    assert found.pixels.shape == (16, 16, 1)
    assert np.abs(found.pixels.astype(int) - expected).max() <= 12
    assert found.size == (64, 48)
    assert found.cropped
    assert not found.animated
    (tmp_path / "photo").write_bytes(written(photo, kind))
    assert np.array_equal(read(tmp_path / "photo", model).pixels, found.pixels)


def test_as_training_would(opened: Open, tmp_path: Path) -> None:
    """An image of the data set that was saved as a file comes back as it is."""
    model = opened("gaussian")
    assert model.images is not None
    pixels = model.images.pixels("validation", [3])[0]
    found = read(written(Image.fromarray(pixels[:, :, 0]), "PNG"), model)
    assert np.array_equal(found.pixels, pixels)
    assert not found.notes
    batch = next(Batches(model.images.store, model.images.side("validation")[3:4], 1, drop_last=False).epoch(0))
    assert np.array_equal((batch.images[0, 0].numpy() * 255).round(), found.pixels[:, :, 0])


def test_sixteen_bits_cmyk_alpha_and_turned(opened: Open, photo: Image.Image) -> None:
    model = opened("gaussian")
    expected = read(written(photo, "PNG"), model).pixels.astype(int)
    deep = Image.fromarray(np.asarray(photo)[:, :, 0].astype(np.uint16) * 257)
    assert np.abs(read(written(deep, "PNG"), model).pixels - expected).max() <= 1
    assert np.abs(read(written(photo.convert("CMYK"), "JPEG", quality=95), model).pixels - expected).max() <= 24
    clear = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    assert (read(written(clear, "PNG"), model).pixels == 255).all(), "over white"

    exif = Image.Exif()
    exif[0x0112] = 6
    turned = read(written(photo.rotate(90, expand=True), "JPEG", exif=exif, quality=95), model)
    assert np.abs(turned.pixels - expected).max() <= 12
    assert turned.size == (64, 48)


def test_the_first_frame_of_what_moves(opened: Open, photo: Image.Image) -> None:
    model = opened("gaussian")
    for kind in ("GIF", "PNG", "WEBP"):
        moving = written(
            photo, kind, save_all=True, append_images=[Image.new("RGB", photo.size, c) for c in ("red", "blue")]
        )
        found = read(moving, model)
        assert found.animated, kind
        assert "first frame" in found.notes[0]
        assert np.abs(found.pixels.astype(int) - read(written(photo, "PNG"), model).pixels).max() <= 12


def test_fifty_megapixels(opened: Open) -> None:
    found = read(written(Image.new("L", (10_000, 5_000), 200), "PNG"), opened("gaussian"))
    assert (found.pixels == 200).all()
    assert found.size == (10_000, 5_000)


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n", b"<svg/>", b"%PDF-1.4"])
def test_what_is_no_image(opened: Open, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "own.png").write_bytes(content)
    for given in (content, tmp_path / "own.png"):
        with pytest.raises(UserError, match="cannot be read as an image") as refused:
            read(given, opened("gaussian"))
        assert refused.value.why
    whole = written(Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)), "PNG")
    with pytest.raises(UserError):
        read(whole[: len(whole) // 2], opened("gaussian"))
    for path in (tmp_path, tmp_path / "absent.png"):
        with pytest.raises(UserError, match="cannot be read"):
            read(path, opened("gaussian"))


def test_too_many_pixels(opened: Open) -> None:
    header = written(Image.new("1", (20_000, 10_000)), "PNG")
    with pytest.raises(UserError) as refused:
        read(header, opened("gaussian"))
    assert "million pixels" in refused.value.why
