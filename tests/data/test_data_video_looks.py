"""Clips that cannot be shown as they are stored: with an alpha channel, interlaced, or of high dynamic range."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tilework.data import prepare
from tilework.data.media.fit import fit_image
from tilework.data.media.images import to_pixels
from tilework.data.video.fields import TopField
from tilework.data.video.hdr import HLG, PQ
from tilework.spec import SOURCES

BLUE, BLUE_NAME = (48, 96, 192), "#3060c0"
WIDTH, HEIGHT = 64, 48


def video(path: Path, **more: Any) -> Any:
    return SOURCES.parse({"kind": "video", "path": str(path), "size": f"{WIDTH}x{HEIGHT}", **more})


def pixels_of(path: Path, **more: Any) -> list[NDArray[np.uint8]]:
    source = video(path, **more)
    items = list(source.items())
    assert source.unreadable() == []
    return [
        fit_image(item.pixels, source.size, source.channels, source.fit, padding=source.padding()) for item in items
    ]


def written(
    path: Path,
    frames: list[av.VideoFrame],
    codec: str,
    fmt: str,
    options: dict[str, str] | None = None,
    on_stream: Callable[[Any], None] | None = None,
) -> Path:
    """A clip of these frames, 25 a second."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream(codec, rate=25, options=options or {})
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, fmt
        if on_stream:
            on_stream(stream)
        for number, frame in enumerate(frames):
            shaped = frame if frame.format.name == fmt else frame.reformat(format=fmt)
            shaped.pts, shaped.time_base = number, Fraction(1, 25)
            out.mux(stream.encode(shaped))
        out.mux(stream.encode(None))
    return path


# Alpha


def see_through(number: int, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    """RGBA: a disc with a soft edge that moves, over noise that nobody is meant to see."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[0:height, 0:width]
    distance = np.hypot(x - 20 - 4 * number, y - height / 2)
    out = rng.integers(0, 256, (height, width, 4), dtype=np.uint8)
    out[..., 3] = np.clip(255 * (18 - distance) / 6, 0, 255)
    out[distance < 18, :3] = (220, 140, 40)
    return out


def rgba_frames(count: int = 3) -> list[av.VideoFrame]:
    return [av.VideoFrame.from_ndarray(see_through(n), format="rgba") for n in range(count)]


def as_image(rgba: NDArray[np.uint8], source: Any) -> NDArray[np.uint8]:
    """What a PNG file with these pixels would be."""
    pixels = to_pixels(Image.fromarray(rgba), BLUE)
    return fit_image(pixels, source.size, source.channels, source.fit, padding=BLUE)


@pytest.mark.parametrize(
    ("name", "codec", "fmt"),
    [
        ("a.mov", "qtrle", "argb"),
        ("a.mov", "png", "rgba"),
        ("a.mov", "png", "rgba64be"),
        ("a.mov", "prores_ks", "yuva444p10le"),
        ("a.mkv", "ffv1", "yuva444p"),
        ("a.mkv", "ffv1", "yuva444p10le"),
        ("a.mkv", "ffv1", "yuva444p16le"),
        ("a.mkv", "ffv1", "gbrap12le"),
        ("a.avi", "rawvideo", "bgra"),
    ],
)
def test_clips_with_alpha_look_as_their_frames_do_as_images(tmp_path, name, codec, fmt):
    path = written(tmp_path / name, rgba_frames(), codec, fmt, {"profile": "4444"} if codec == "prores_ks" else None)
    for more in ({}, {"size": "16x12"}, {"size": "40x40", "fit": "pad"}, {"size": "90x20", "fit": "stretch"}):
        source = video(path, background=BLUE_NAME, **more)
        for number, pixels in enumerate(pixels_of(path, background=BLUE_NAME, **more)):
            expected = as_image(see_through(number), source)
            assert np.abs(pixels.astype(int) - expected).max() <= 3, (more, number)


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_webm_with_alpha_which_is_a_stream_of_its_own(tmp_path, codec):
    frames = rgba_frames(30)
    path = written(tmp_path / "a.webm", frames, codec, "yuva420p", {"auto-alt-ref": "0", "g": "10", "crf": "10"})
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    everything = pixels_of(path, background=BLUE_NAME)
    assert len(everything) == 30
    for number in (0, 2, 9):
        distance = np.hypot(x - 20 - 4 * number, y - HEIGHT / 2)
        ground = everything[number][distance > 24]
        assert np.abs(ground.astype(int) - BLUE).max() <= 3
        assert np.abs(everything[number][distance < 8].mean(0) - (220, 140, 40)).max() < 12
    late = pixels_of(path, background=BLUE_NAME, skip=28)
    assert all(map(np.array_equal, late, everything[28:])), "after a jump as without"


def test_grey_with_alpha(tmp_path):
    frames = rgba_frames()
    path = written(tmp_path / "a.mov", frames, "png", "ya8")
    for number, pixels in enumerate(pixels_of(path, background="white")):
        grey = frames[number].reformat(format="gray").to_ndarray()
        alpha = see_through(number)[..., 3]
        expected = to_pixels(Image.fromarray(np.dstack([grey, alpha]), "LA"), (255, 255, 255))
        assert np.abs(pixels.astype(int) - expected).max() <= 2


@pytest.mark.parametrize("least", [0, 255])
def test_a_palette_with_a_see_through_colour(tmp_path, least):
    places = np.zeros((HEIGHT, WIDTH), np.uint8)
    places[:, WIDTH // 2 :] = 1
    palette = np.zeros((256, 4), np.uint8)  # alpha, red, green, blue
    palette[:, 0] = 255
    palette[0], palette[1] = (least, 10, 200, 10), (255, 220, 140, 40)
    frame = av.VideoFrame.from_ndarray((places, palette), format="pal8")
    path = written(tmp_path / "a.mov", [frame] * 2, "png", "pal8")
    for pixels in pixels_of(path, background=BLUE_NAME):
        assert pixels[24, 4].tolist() == ([10, 200, 10] if least else list(BLUE))
        assert pixels[24, 60].tolist() == [220, 140, 40]


@pytest.mark.parametrize(("mode", "matte"), [(0x101, (255, 255, 255)), (0x102, (0, 0, 0)), (0x100, None)])
def test_quicktime_states_whether_alpha_is_premultiplied(tmp_path, mode, matte):
    """The graphics mode of the video header is what states it."""
    stored = [see_through(n) for n in range(2)]
    if matte is not None:
        for rgba in stored:
            laid_over = to_pixels(Image.fromarray(rgba), matte)
            rgba[..., :3] = laid_over
    frames = [av.VideoFrame.from_ndarray(rgba, format="rgba") for rgba in stored]
    path = written(tmp_path / "a.mov", frames, "qtrle", "argb")
    packed = bytearray(path.read_bytes())
    assert packed.count(b"vmhd") == 1
    place = packed.index(b"vmhd") + 8
    packed[place : place + 2] = mode.to_bytes(2, "big")
    path.write_bytes(packed)
    source = video(path, background=BLUE_NAME)
    for number, pixels in enumerate(pixels_of(path, background=BLUE_NAME)):
        assert np.abs(pixels.astype(int) - as_image(see_through(number), source)).max() <= 2


def test_the_fourth_byte_of_an_uncompressed_avi_may_be_nothing(tmp_path):
    rgba = see_through(0)
    rgba[..., 3] = 0
    path = written(tmp_path / "a.avi", [av.VideoFrame.from_ndarray(rgba, format="rgba")] * 2, "rawvideo", "bgra")
    assert np.array_equal(pixels_of(path)[0], rgba[..., :3])


def test_what_shows_through_is_white_and_a_border_black_unless_set(tmp_path):
    path = written(tmp_path / "a.mov", rgba_frames(), "qtrle", "argb")
    pixels = pixels_of(path, size="64x64", fit="pad")[0]
    assert pixels[0, 0].tolist() == [0, 0, 0]
    assert pixels[32, 63].tolist() == [255, 255, 255]
    assert pixels_of(path, size="64x64", fit="pad", background="red")[0][0, 0].tolist() == [255, 0, 0]


def test_alpha_and_rotation_and_pixels_that_are_not_square(tmp_path):
    def turned(stream: Any) -> None:
        stream.set_display_rotation(90)
        stream.codec_context.sample_aspect_ratio = Fraction(2, 1)

    path = written(tmp_path / "a.mov", rgba_frames(), "qtrle", "argb", on_stream=turned)
    (first, *_) = video(path, fit="refuse", background=BLUE_NAME, size="48x128").items()
    assert first.pixels.shape == (128, 48, 3)
    wide = Image.fromarray(to_pixels(Image.fromarray(see_through(0)), BLUE)).resize((128, 48), Image.Resampling.BICUBIC)
    assert np.abs(first.pixels.astype(int) - np.rot90(np.asarray(wide))).max() <= 2


# Interlaced


def moment(time: int) -> NDArray[np.uint8]:
    """A bright bar that has moved on by `time` pixels."""
    out = np.full((HEIGHT, WIDTH, 3), 30, np.uint8)
    out[:, 8 + time : 28 + time] = 220
    return out


def woven(number: int) -> NDArray[np.uint8]:
    """Two moments, 4 pixels of movement apart, on every other line."""
    out = moment(8 * number)
    out[1::2] = moment(8 * number + 4)[1::2]
    return out


def combing(pixels: NDArray[np.uint8]) -> float:
    """How much the lines jump to and fro."""
    lines = pixels.mean(-1)
    return float(np.abs(lines[1:-1] - (lines[:-2] + lines[2:]) / 2).max())


def interlaced(
    path: Path, codec: str = "mpeg2video", fmt: str = "yuv420p", count: int = 5, key_every: int = 12
) -> Path:
    def two_fields(stream: Any) -> None:
        codec_context = stream.codec_context
        codec_context.flags |= int(av.codec.context.Flags.interlaced_dct) | int(av.codec.context.Flags.interlaced_me)
        codec_context.gop_size, codec_context.bit_rate = key_every, 20_000_000

    options = {"x264-params": "interlaced=1:tff=1", "crf": "4"} if codec == "libx264" else {}
    frames = [av.VideoFrame.from_ndarray(woven(n % 4), format="rgb24") for n in range(count)]
    return written(path, frames, codec, fmt, options, two_fields)


@pytest.mark.parametrize(
    ("name", "codec", "fmt"),
    [
        ("a.mkv", "mpeg2video", "yuv420p"),
        ("a.mp4", "libx264", "yuv420p"),
        ("a.avi", "mpeg4", "yuv420p"),
        ("a.mov", "prores_ks", "yuv422p10le"),
    ],
)
def test_interlaced_clips_show_one_moment(tmp_path, name, codec, fmt):
    path = interlaced(tmp_path / name, codec, fmt)
    with av.open(str(path)) as container:
        assert all(frame.interlaced_frame for frame in container.decode(video=0)), (
            "the test's clip is what it should be"
        )
    assert combing(woven(1)) > 150
    for more in ({}, {"size": "32x24"}, {"size": "40x16", "fit": "stretch"}, {"size": "16x12"}):
        found = pixels_of(path, **more)
        assert len(found) == 5, "one frame for each frame"
        source = video(path, **more)
        for number, pixels in enumerate(found):
            expected = fit_image(moment(8 * (number % 4)), source.size, 3, source.fit)
            assert combing(pixels) < 20
            assert np.abs(pixels.astype(int) - expected).mean() < 8, (more, number)


def test_a_clip_that_is_not_interlaced_keeps_all_its_lines(tmp_path):
    lines = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    lines[::2] = 255
    frame = av.VideoFrame.from_ndarray(lines, format="rgb24")
    assert np.array_equal(pixels_of(written(tmp_path / "a.mov", [frame] * 2, "qtrle", "rgb24"))[0], lines)


def test_interlaced_frames_do_not_depend_on_where_decoding_began(tmp_path):
    path = interlaced(tmp_path / "a.mkv", count=80, key_every=6)
    everything = pixels_of(path)
    assert all(map(np.array_equal, pixels_of(path, skip=37, every=41), everything[37::41]))
    source = video(path)
    rest = [item.pixels for item in source.items_after("a.mkv", 52)]
    assert len(rest) == 27
    assert all(map(np.array_equal, rest, everything[53:]))


@pytest.mark.parametrize("height", [48, 50, 54])
def test_a_field_has_the_colours_of_its_frame(height):
    y, x = np.mgrid[0:height, 0:WIDTH]
    image = np.stack([3 * x, 255 - 4 * y, 100 + 0 * x], -1).clip(0, 255).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p", dst_colorspace="ITU709")
    field = TopField().of(frame)
    assert (field.width, field.height, field.interlaced_frame) == (WIDTH, height // 2, False)
    assert field.colorspace == frame.colorspace
    whole = frame.to_ndarray(format="rgb24")[::2]
    assert np.abs(field.to_ndarray(format="rgb24").astype(int) - whole).mean() < 4


# Colour


def coloured(path: Path, frame: av.VideoFrame, fmt: str, **facts: int) -> Path:
    """A lossless clip of one frame whose file states these facts of its colours."""

    def facts_of(stream: Any) -> None:
        for fact, value in facts.items():
            setattr(stream.codec_context, fact, value)

    return written(path, [frame], "ffv1", fmt, on_stream=facts_of)


def pq(nits: float) -> float:
    """SMPTE ST 2084: the signal, 0 to 1, of so much light."""
    share = (nits / 10_000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * share) / (1 + 2392 / 128 * share)) ** (2523 / 32)


def hlg(share: float) -> float:
    """ARIB STD-B67: the signal of so much of the scene's greatest light."""
    return (3 * share) ** 0.5 if share <= 1 / 12 else 0.17883277 * np.log(12 * share - 0.28466892) + 0.55991073


def grey_yuv(signals: list[float], bits: int = 10) -> av.VideoFrame:
    """Vertical stripes of grey, in limited range."""
    width = 16 * len(signals)
    scale = 1 << (bits - 8)
    luma = np.repeat(np.rint(scale * (16 + 219 * np.array(signals))), 16).astype(np.uint16)
    frame = av.VideoFrame(width, 16, "yuv444p10le")
    for plane, row in zip(frame.planes, (luma, np.full(width, 128 * scale), np.full(width, 128 * scale)), strict=True):
        lines = np.zeros((16, plane.line_size // 2), np.uint16)
        lines[:, :width] = row
        plane.update(lines.tobytes())
    return frame


def stripes(path: Path, count: int) -> list[list[int]]:
    source = video(path, fit="refuse", size=f"{16 * count}x16")
    (item,) = source.items()
    return [item.pixels[8, 16 * n + 8].tolist() for n in range(count)]


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_hdr_is_brought_to_an_ordinary_screen(tmp_path, transfer):
    nits = [0, 1, 10, 50, 100, 203, 400, 1000, 4000]
    # HLG's own brightening at 1000 nits: light of the screen is 1000 times that of the scene to the 1.2.
    signals = [pq(n) if transfer == PQ else hlg(min(1, n / 1000) ** (1 / 1.2)) for n in nits]
    path = coloured(
        tmp_path / "a.mkv", grey_yuv(signals), "yuv444p10le", color_trc=transfer, colorspace=9, color_primaries=9
    )
    found = stripes(path, len(nits))
    assert all(max(colour) - min(colour) <= 2 for colour in found), "grey stays grey"
    tones = [colour[1] for colour in found]
    assert tones[0] <= 1
    # Up to 0.6 of white's 203 nits, sRGB of the light itself.
    for tone, light in zip(tones[1:5], nits[1:5], strict=True):
        share = light / 203
        coded = 12.92 * share if share < 0.0031308 else 1.055 * share ** (1 / 2.4) - 0.055
        assert tone == pytest.approx(255 * coded, abs=4), light
    assert 220 <= tones[5] <= 240, "white paper is nearly white"
    assert tones[5] < tones[6] < tones[7], "highlights are still distinguished"
    assert min(tones[7:]) >= 253


def test_colours_of_hdr_are_those_of_ordinary_screens(tmp_path):
    """Red as BT.709 has it, 100 nits: in BT.2020 it is a mixture."""
    mixture = 100 * np.array([0.6274, 0.0691, 0.0164])
    red, green, blue = (pq(n) for n in mixture)
    luma = 0.2627 * red + 0.6780 * green + 0.0593 * blue
    values = [16 + 219 * luma, 128 + 224 * (blue - luma) / 1.8814, 128 + 224 * (red - luma) / 1.4746]
    frame = av.VideoFrame(16, 16, "yuv444p10le")
    for plane, value in zip(frame.planes, values, strict=True):
        plane.update(np.full((16, plane.line_size // 2), round(4 * value), np.uint16).tobytes())
    path = coloured(tmp_path / "a.mkv", frame, "yuv444p10le", color_trc=PQ, colorspace=9, color_primaries=9)
    ((shown_red, shown_green, shown_blue),) = stripes(path, 1)
    assert shown_red == pytest.approx(255 * (1.055 * (100 / 203) ** (1 / 2.4) - 0.055), abs=4)
    assert max(shown_green, shown_blue) < 40


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    ("matrix", "kr", "kb"), [(1, 0.2126, 0.0722), (5, 0.299, 0.114), (6, 0.299, 0.114), (9, 0.2627, 0.0593)]
)
def test_matrix_and_range_are_what_the_file_states(tmp_path, matrix, kr, kb, full, bits):
    colours = np.array([[200, 60, 30], [40, 180, 90], [20, 50, 210], [128, 128, 128], [250, 250, 250]])
    luma = colours @ [kr, 1 - kr - kb, kb]
    blueness, redness = (colours[:, 2] - luma) / (2 - 2 * kb), (colours[:, 0] - luma) / (2 - 2 * kr)
    stored = (
        [luma, 128 + blueness, 128 + redness]
        if full
        else [16 + luma * 219 / 255, 128 + blueness * 224 / 255, 128 + redness * 224 / 255]
    )
    if full and bits == 10:
        stored = [luma * 1023 / 1020, 128 + blueness * 1023 / 1020, 128 + redness * 1023 / 1020]
    fmt, kind = ("yuv444p", np.uint8) if bits == 8 else ("yuv444p10le", np.uint16)
    frame = av.VideoFrame(16 * len(colours), 16, fmt)
    for plane, values in zip(frame.planes, stored, strict=True):
        lines = np.zeros((16, plane.line_size // np.dtype(kind).itemsize), kind)
        lines[:, : 16 * len(colours)] = np.repeat(np.rint(values * 2 ** (bits - 8)), 16)
        plane.update(lines.tobytes())
    frame.color_range, frame.colorspace = (2 if full else 1), matrix
    path = coloured(tmp_path / "a.mkv", frame, fmt, colorspace=matrix, color_range=2 if full else 1)
    assert np.abs(np.array(stripes(path, len(colours))) - colours).max() <= 3


def test_a_clip_with_alpha_can_be_prepared_and_trained_on(tmp_path):
    path = written(tmp_path / "a.webm", rgba_frames(), "libvpx-vp9", "yuva420p", {"auto-alt-ref": "0"})
    store = prepare(video(path, background=BLUE_NAME))
    assert store.count == 3
