"""The `animations` source: GIF, animated PNG and animated WebP, frame by frame as a viewer shows them."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from made_media import animation
from PIL import Image

from tilework.data import prepare
from tilework.data.animation.gif import gif_frames
from tilework.errors import UserError
from tilework.spec import SOURCES

WHITE, BLACK, RED, GREEN = (255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 255, 0)
PALETTE = bytes([*BLACK, *RED, *GREEN, *WHITE])


def animations(path: Path, **more):
    return SOURCES.parse({"kind": "animations", "path": str(path), "size": "12x8", "fit": "stretch", **more})


def lzw(pixels: list[int]) -> bytes:
    """GIF's packed pixels without packing: a clear code before each, so that codes stay three bits wide."""
    bits = "".join(f"{code:03b}"[::-1] for pixel in pixels for code in (4, pixel)) + "101"
    data = bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))
    blocks = b"".join(bytes([len(data[at : at + 255])]) + data[at : at + 255] for at in range(0, len(data), 255))
    return b"\x02" + blocks + b"\0"


def frame(
    box: tuple[int, int, int, int],
    colour: int,
    *,
    disposal: int = 0,
    see_through: int | None = None,
    hundredths: int = 10,
):
    """One GIF frame: a box (x, y, width, height) of one palette colour."""
    flags = disposal << 2 | (see_through is not None)
    control = b"!\xf9\x04" + struct.pack("<BHB", flags, hundredths, see_through or 0) + b"\0"
    return control + b"," + struct.pack("<HHHHB", *box, 0) + lzw([colour] * (box[2] * box[3]))


def gif(path: Path, *frames: bytes, size: tuple[int, int] = (4, 2), background: int = 1) -> Path:
    head = b"GIF89a" + struct.pack("<HHBBB", *size, 0x81, background, 0) + PALETTE
    path.write_bytes(head + b"".join(frames) + b";")
    return path


def left_and_right(path: Path) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The RGBA of the left and the right end of each frame."""
    return [(image.getpixel((0, 0)), image.getpixel((3, 0))) for image, _ in gif_frames(path)]


CLEAR = (0, 0, 0, 0)


def solid(colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    return (*colour, 255)


@pytest.mark.parametrize(
    ("disposal", "third"),
    [
        (0, (solid(RED), solid(GREEN))),
        (1, (solid(RED), solid(GREEN))),
        (2, (CLEAR, solid(GREEN))),  # to transparent, and not to the file's background colour
        (3, (solid(WHITE), solid(GREEN))),
    ],
)
def test_disposal(tmp_path, disposal, third):
    path = gif(
        tmp_path / "a.gif",
        frame((0, 0, 4, 2), 3, disposal=1),
        frame((0, 0, 2, 2), 1, disposal=disposal),
        frame((2, 0, 2, 2), 2),
    )
    assert left_and_right(path) == [(solid(WHITE), solid(WHITE)), (solid(RED), solid(WHITE)), third]


def test_transparency_shows_what_was_before_and_then_the_background(tmp_path):
    path = gif(
        tmp_path / "a.gif", frame((0, 0, 2, 2), 1), frame((0, 0, 4, 2), 0, see_through=0), frame((2, 0, 2, 2), 2)
    )
    assert left_and_right(path) == [(solid(RED), CLEAR), (solid(RED), CLEAR), (solid(RED), solid(GREEN))]
    (first, *_) = animations(path, background="#0000ff").items()
    assert first.pixels[0, 0].tolist() == [255, 0, 0]
    assert first.pixels[0, 3].tolist() == [0, 0, 255]


def test_frames_that_stick_out_and_a_canvas_of_nothing(tmp_path):
    sticking = gif(tmp_path / "a.gif", frame((0, 0, 4, 2), 3), frame((2, 1, 9, 9), 1), frame((40, 40, 2, 2), 2))
    images = [np.asarray(image.convert("RGB")) for image, _ in gif_frames(sticking)]
    assert images[1][:, :, 1].tolist() == [[255, 255, 255, 255], [255, 255, 0, 0]]
    assert np.array_equal(images[2], images[1])
    nothing = gif(tmp_path / "b.gif", frame((0, 0, 3, 5), 2), size=(0, 0))
    assert [image.size for image, _ in gif_frames(nothing)] == [(3, 5)]


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp"])
def test_every_format_gives_every_frame(tmp_path, suffix):
    tones = [20, 60, 100, 140, 180, 220]
    items = list(animations(animation(tmp_path / f"a{suffix}", tones)).items())
    assert [item.frame for item in items] == list(range(6))
    assert [int(item.pixels[4, 4, 0]) for item in items] == pytest.approx(tones, abs=1)
    assert {item.group for item in items} == {f"a{suffix}"}


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp"])
def test_frames_by_time(tmp_path, suffix):
    path = animation(tmp_path / f"a{suffix}", [0, 60, 120, 180], milliseconds=[100, 300, 50, 150])
    shown = [round(int(item.pixels[4, 4, 0]) / 60) for item in animations(path, fps=20).items()]
    assert shown == [0] * 2 + [1] * 6 + [2] * 1 + [3] * 3
    assert [i.frame for i in animations(path, fps=20).items()] == list(range(12))
    assert len(list(animations(path, fps=5).items())) == 3


def test_frames_that_claim_no_time_are_shown_for_a_tenth_of_a_second(tmp_path):
    path = gif(tmp_path / "a.gif", frame((0, 0, 4, 2), 1, hundredths=0), frame((0, 0, 4, 2), 2, hundredths=1))
    assert len(list(animations(path, fps=30).items())) == 6


def test_a_png_shown_only_by_viewers_that_cannot_animate(tmp_path):
    images = [Image.new("RGB", (12, 8), (tone, 0, 0)) for tone in (10, 100, 200)]
    images[0].save(tmp_path / "a.png", save_all=True, append_images=images[1:], default_image=True, duration=100)
    assert [int(item.pixels[0, 0, 0]) for item in animations(tmp_path).items()] == [100, 200]


def test_a_still_is_an_animation_of_one_frame(tmp_path):
    Image.new("RGBA", (6, 4), (0, 0, 0, 0)).save(tmp_path / "a.png")
    (item,) = animations(tmp_path, background="red").items()
    assert item.pixels[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp"])
def test_frames_before_the_damage_are_kept(tmp_path, suffix):
    rng = np.random.default_rng(0)
    noise = [Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)) for _ in range(8)]
    more = {"lossless": True} if suffix == ".webp" else {}
    noise[0].save(tmp_path / f"whole{suffix}", save_all=True, append_images=noise[1:], duration=100, **more)
    packed = (tmp_path / f"whole{suffix}").read_bytes()
    (tmp_path / f"a{suffix}").write_bytes(packed[: len(packed) * 3 // 5])
    source = animations(tmp_path)
    items = list(source.items())
    assert sum(item.file == f"whole{suffix}" for item in items) == 8
    kept = [item for item in items if item.file == f"a{suffix}"]
    whole = [item for item in items if item.file != f"a{suffix}"]
    if suffix != ".webp":  # WebP states its length first, and its reader takes all or nothing
        assert len(kept) == 4
    assert all(np.array_equal(k.pixels, w.pixels) for k, w in zip(kept, whole, strict=False))
    ((name, reason),) = source.unreadable()
    assert name == f"a{suffix}"
    assert reason


def test_files_that_are_no_animations(tmp_path):
    animation(tmp_path / "good.gif", [1, 2])
    (tmp_path / "empty.gif").write_bytes(b"")
    (tmp_path / "text.webp").write_text("hello")
    gif(tmp_path / "vast.gif", frame((0, 0, 1, 1), 1), size=(60000, 60000))
    source = animations(tmp_path)
    assert prepare(source).count == 2
    list(source.items())
    reasons = dict(source.unreadable())
    assert set(reasons) == {"empty.gif", "text.webp", "vast.gif"}
    assert reasons["empty.gif"] == "the file is empty"
    assert "million pixels" in reasons["vast.gif"]
    with pytest.raises(UserError, match=r"empty\.gif"):
        list(animations(tmp_path, strict=True).items())


def test_real_gifs_as_pillow_composes_them(real_data):
    source = SOURCES.parse({"kind": "animations", "path": str(real_data / "gifs"), "size": 64})
    frames: dict[str, int] = {}
    for item in source.items():
        frames[item.file] = frames.get(item.file, 0) + 1
        if item.frame % 40 == 7:
            with Image.open(real_data / "gifs" / item.file) as image:
                image.seek(item.frame)
                over = image.convert("RGBA")
            white = Image.alpha_composite(Image.new("RGBA", over.size, "white"), over).convert("RGB")
            assert np.array_equal(np.asarray(white), item.pixels), (item.file, item.frame)
    assert len(frames) == 10
    assert min(frames.values()) >= 15
    assert source.unreadable() == []
