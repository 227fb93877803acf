"""Animated PNG: what is laid over what, and for how long it is shown."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tilework.data.animation.apng import apng_frames, is_apng
from tilework.data.animation.frames import Broken, animation_frames

RED, BLUE, HALF_GREEN, CLEAR = (255, 0, 0, 255), (0, 0, 255, 255), (0, 255, 0, 128), (0, 0, 0, 0)
NOTHING, TO_CLEAR, TO_PREVIOUS = 0, 1, 2
WIDTH, HEIGHT = 6, 4
WHOLE = (0, 0, WIDTH, HEIGHT)
LEFT, RIGHT = (0, 0, 2, 2), (4, 0, 2, 2)

Frame = tuple[tuple[int, int, int, int], bytes, int, int, tuple[int, int]]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def frame(
    box: tuple[int, int, int, int],
    pixel: tuple[int, ...] | bytes,
    *,
    disposal: int = NOTHING,
    over: bool = False,
    seconds: tuple[int, int] = (1, 10),
) -> Frame:
    """A box (x, y, width, height) of one colour, shown for a fraction of a second."""
    return box, bytes(pixel), disposal, int(over), seconds


def apng(path: Path, *frames: Frame, depth: int = 8, colour_type: int = 6, between: bytes = b"") -> Path:
    out = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour_type, 0, 0, 0))
    out += between + chunk(b"acTL", struct.pack(">II", len(frames), 0))
    number = 0
    for which, ((x, y, width, height), pixel, disposal, over, seconds) in enumerate(frames):
        place = struct.pack(">IIIIIHHBB", number, width, height, x, y, *seconds, disposal, over)
        packed = zlib.compress((b"\0" + pixel * width) * height)
        out += chunk(b"fcTL", place)
        number += 1
        if which:
            packed = struct.pack(">I", number) + packed
            number += 1
        out += chunk(b"fdAT" if which else b"IDAT", packed)
    path.write_bytes(out + chunk(b"IEND", b""))
    return path


def ends(path: Path) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The RGBA of the upper left and the upper right pixel of each frame."""
    return [(image.getpixel((0, 0)), image.getpixel((WIDTH - 1, 0))) for image, _ in apng_frames(path)]


@pytest.mark.parametrize(
    ("second", "third"),
    [
        (frame(LEFT, HALF_GREEN, over=True), (127, 128, 0, 255)),
        (frame(LEFT, HALF_GREEN), HALF_GREEN),
        (frame(LEFT, CLEAR), CLEAR),
        (frame(LEFT, CLEAR, over=True), RED),
        (frame(LEFT, BLUE, disposal=TO_CLEAR), CLEAR),
        (frame(LEFT, BLUE, disposal=TO_PREVIOUS), RED),
    ],
)
def test_what_is_left_of_a_frame(tmp_path, second, third):
    path = apng(tmp_path / "a.png", frame(WHOLE, RED), second, frame(RIGHT, BLUE))
    first, _, last = ends(path)
    assert first == (RED, RED)
    assert np.abs(np.array(last[0]) - third).max() <= 1
    assert last[1] == BLUE


def test_half_transparent_frames_over_nothing_keep_their_alpha(tmp_path):
    path = apng(tmp_path / "a.png", frame(WHOLE, RED, disposal=TO_CLEAR), frame(LEFT, HALF_GREEN, over=True))
    assert ends(path)[1] == (HALF_GREEN, CLEAR)
    shown = [pixels[0, 0].tolist() for pixels, _ in animation_frames(path, (255, 255, 255))]
    assert shown == [[255, 0, 0], [127, 255, 127]]


def test_nothing_is_previous_to_the_first_frame(tmp_path):
    path = apng(tmp_path / "a.png", frame(WHOLE, RED, disposal=TO_PREVIOUS), frame(LEFT, BLUE, over=True))
    assert ends(path)[1] == (BLUE, CLEAR)


def test_times(tmp_path):
    frames = [frame(WHOLE, RED, seconds=s) for s in ((1, 10), (3, 0), (1, 3), (0, 7))]
    shown = [milliseconds for _, milliseconds in animation_frames(apng(tmp_path / "a.png", *frames), (0, 0, 0))]
    assert shown == pytest.approx([100, 30, 1000 / 3, 0])


def test_sixteen_bit_grey_and_palettes_with_transparency(tmp_path):
    grey = apng(tmp_path / "a.png", frame(WHOLE, b"\x9c\x40"), frame(LEFT, b"\x4e\x20"), depth=16, colour_type=0)
    assert [pixels[0, 0].tolist() for pixels, _ in animation_frames(grey, (0, 0, 0))] == [[156] * 3, [78] * 3]
    colours = chunk(b"PLTE", bytes([*RED[:3], *BLUE[:3]])) + chunk(b"tRNS", bytes([0, 255]))
    path = apng(
        tmp_path / "b.png", frame(WHOLE, b"\1"), frame(LEFT, b"\0"), frame(RIGHT, b"\0", over=True),
        colour_type=3, between=colours,
    )  # fmt: skip
    assert [alpha for (*_, alpha), _ in ends(path)] == [255, 0, 0]
    assert [right for _, right in ends(path)] == [BLUE, BLUE, BLUE]


def test_a_still_of_sixteen_bit_grey(tmp_path):
    Image.fromarray(np.full((4, 6), 40_000, np.uint16)).save(tmp_path / "a.png")
    assert not is_apng(tmp_path / "a.png")
    ((pixels, _),) = animation_frames(tmp_path / "a.png", (0, 0, 0))
    assert pixels[0, 0].tolist() == [156, 156, 156]


@pytest.mark.parametrize("damage", ["cut", "changed", "outside"])
def test_frames_before_the_damage_are_kept(tmp_path, damage):
    last = frame((5, 0, 2, 2), BLUE) if damage == "outside" else frame(RIGHT, BLUE)
    path = apng(tmp_path / "a.png", frame(WHOLE, RED), frame(LEFT, BLUE), last)
    packed = bytearray(path.read_bytes())
    if damage == "cut":
        packed = packed[: packed.rindex(b"fdAT") + 6]
    elif damage == "changed":
        packed[packed.rindex(b"fdAT") + 10] ^= 255
    path.write_bytes(packed)
    frames = animation_frames(path, (0, 0, 0))
    assert [next(frames)[0][0, 0].tolist() for _ in range(2)] == [[255, 0, 0], [0, 0, 255]]
    with pytest.raises(Broken, match="frame 2 is broken"):
        next(frames)
