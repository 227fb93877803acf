"""The `video` source: which frames it takes, how they look, and what it reports of clips that are broken."""

from __future__ import annotations

import contextlib
import shutil
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_media import animation, clip, image, levels, number_of

from tilework.data import prepare
from tilework.data.video.choose import at_random, every_kth
from tilework.data.video.index import ClipIndex, read_index
from tilework.errors import UserError
from tilework.spec import SOURCES


def video(path: Path | list[Path], **more):
    named = [str(p) for p in path] if isinstance(path, list) else str(path)
    return SOURCES.parse({"kind": "video", "path": named, "size": "64x48", **more})


def numbers(source) -> list[int]:
    """The numbers of the items, each of which must be the number that its pixels show."""
    items = list(source.items())
    assert [number_of(item.pixels) for item in items] == [item.frame for item in items]
    return [item.frame for item in items]


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        (".mp4", "libx264"),
        (".mkv", "libx264"),
        (".mov", "mpeg4"),
        (".avi", "mpeg4"),
        (".webm", "libvpx"),
        (".webm", "libvpx-vp9"),
    ],
)
def test_every_container(tmp_path, suffix, codec):
    source = video(clip(tmp_path / f"a{suffix}", [levels(n) for n in range(40)], codec=codec))
    assert numbers(source) == list(range(40))
    assert source.unreadable() == []
    assert [numbers(video(tmp_path / f"a{suffix}", skip=5, every=7))] == [[5, 12, 19, 26, 33]]


def test_folders_lists_and_names(tmp_path):
    for name in ("b 2.mp4", "b 10.mp4", "класс/новый\nкадр.mp4", ".hidden.mp4"):
        clip(tmp_path / "in" / name, [levels(n) for n in range(3)])
    clip(tmp_path / "else" / "x.mp4", [levels(0)] * 2)
    assert list(dict.fromkeys(item.group for item in video(tmp_path / "in").items())) == [
        "b 2.mp4",
        "b 10.mp4",
        "класс/новый\nкадр.mp4",
    ]
    both = video([tmp_path / "in" / "b 2.mp4", tmp_path / "else"])
    assert list(dict.fromkeys(item.group for item in both.items())) == ["b 2.mp4", "else/x.mp4"]
    twice = video([tmp_path / "in" / "b 2.mp4"] * 2)
    assert list(dict.fromkeys(item.file for item in twice.items())) == ["b 2.mp4", "b 2.mp4 (2)"]


def test_a_jump_gives_the_same_frames(tmp_path):
    path = clip(tmp_path / "a.mp4", [levels(n) for n in range(250)])
    everything = {item.frame: item.pixels for item in video(path).items()}
    for more in ({"every": 60}, {"skip": 200}, {"count": 9, "gap": 20}, {"skip": 3, "every": 41}):
        source = video(path, **more)
        found = list(source.items())
        assert found
        assert all(np.array_equal(item.pixels, everything[item.frame]) for item in found), more
        assert source.unreadable() == []


@pytest.mark.parametrize(("keys", "starts"), [([0, 12, 30], [0, 0, 12, 30]), ([5], [0, 5, 5, 5]), ([], [0, 0, 0, 0])])
def test_where_decoding_begins(keys, starts):
    index = ClipIndex(40, None, np.array(keys, np.int64), 0)
    assert index.keys_before(np.array([0, 11, 29, 39])).tolist() == starts


@given(
    counts=st.lists(st.integers(0, 90), min_size=1, max_size=6),
    wanted=st.integers(1, 120),
    gap=st.integers(0, 12),
    skip=st.integers(0, 30),
    every=st.integers(1, 5),
    seed=st.integers(0, 9),
)
@settings(max_examples=200, deadline=None)
def test_frames_at_random_keep_the_gap(counts, wanted, gap, skip, every, seed):
    chosen = at_random(counts, wanted, gap, skip, every, seed)
    step = max(1, -(-gap // every)) * every
    room = sum(-(-max(0, n - skip) // step) for n in counts)
    assert sum(map(len, chosen)) == min(wanted, room), "as many as were asked for, or as fit"
    for count, frames in zip(counts, chosen, strict=True):
        assert set(frames.tolist()) <= set(every_kth(count, skip, every).tolist())
        assert (np.diff(frames) >= max(1, gap)).all()
    assert all(map(np.array_equal, chosen, at_random(counts, wanted, gap, skip, every, seed)))


def test_frames_at_random_are_spread_evenly():
    counts = np.zeros(30)
    for seed in range(3000):
        counts[at_random([30], 3, 5, 0, 1, seed)[0]] += 1
    # 3 of 30 with a gap of 5: the ends are taken a little more often, as they have a neighbour on one side only.
    assert counts.min() > 200
    assert counts.max() < 520
    assert counts[10:20].std() < 40


def test_frames_at_random_over_all_clips(tmp_path):
    for name, length in (("a", 20), ("b", 60), ("c", 40)):
        clip(tmp_path / "in" / f"{name}.mp4", [levels(n) for n in range(length)])
    (tmp_path / "in" / "broken.mp4").write_text("no")
    source = video(tmp_path / "in", count=12, gap=5, seed=3)
    items = list(source.items())
    assert len(items) == 12
    assert [number_of(item.pixels) for item in items] == [item.frame for item in items]
    assert [name for name, _ in source.unreadable()] == ["broken.mp4"]
    assert {item.frame for item in video(tmp_path / "in", count=12, gap=5, seed=4).items()} != {i.frame for i in items}
    greedy = video(tmp_path / "in", count=500, gap=5)
    assert len(list(greedy.items())) == 4 + 12 + 8, "all that there is room for"
    assert greedy.shortfall(24) == "500 frames were asked for, with a gap of 5 these clips have 24"
    assert greedy.shortfall(500) == source.shortfall(12) == video(tmp_path / "in").shortfall(3) == ""


def test_variable_frame_rate_is_frame_by_frame(tmp_path):
    times = [0, 33, 66, 500, 533, 2000, 2010, 2020, 5000]
    source = video(clip(tmp_path / "a.mkv", [levels(n) for n in range(9)], times=times))
    assert numbers(source) == list(range(9))
    index = read_index(tmp_path / "a.mkv")
    assert index.times is not None
    assert index.times.tolist() == times


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_rotation(tmp_path, turn):
    dark_left = np.zeros((48, 64, 3), np.uint8)
    dark_left[:, 32:] = 255
    path = clip(tmp_path / "a.mp4", [dark_left] * 3, rotation=turn)
    (first, *_) = video(path, size="48x64" if turn != 180 else "64x48", fit="refuse").items()
    height, width = first.pixels.shape[:2]
    assert (width, height) == ((64, 48) if turn == 180 else (48, 64))
    light = {180: first.pixels[:, : width // 2], 90: first.pixels[: height // 2], 270: first.pixels[height // 2 :]}
    assert light[turn].mean() > 200, "turned against the clock as the file states"
    assert first.pixels.mean() == pytest.approx(127, abs=8)


def test_pixels_that_are_not_square(tmp_path):
    frame = np.zeros((48, 64, 3), np.uint8)
    frame[12:36, 26:38] = 255  # 12 x 24 stored pixels, each twice as wide as high: a square on the screen
    path = clip(tmp_path / "a.mkv", [frame] * 2, aspect=(2, 1))
    (shown, *_) = video(path, fit="refuse", size="128x48").items()
    assert shown.pixels.shape == (48, 128, 3)
    white = shown.pixels[:, :, 0] > 127
    assert np.ptp(np.flatnonzero(white.any(0))) == pytest.approx(np.ptp(np.flatnonzero(white.any(1))), abs=1)
    (tall, *_) = video(clip(tmp_path / "b.mkv", [frame] * 2, aspect=(1, 2)), fit="refuse", size=64).items()
    assert tall.pixels.shape[:2] == (96, 64)


@pytest.mark.parametrize("size", ["7x5", "33x91", "64x48", "300x20"])
@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_odd_sizes_come_out_as_from_whole_frames(tmp_path, size, fit):
    from tilework.data.media.fit import fit_image

    y, x = np.mgrid[0:90, 0:122]
    frame = np.stack([255 * x // 122, 255 * y // 90, (x + y) % 256], -1).astype(np.uint8)[:, :, :]
    path = clip(tmp_path / "a.avi", [frame] * 2, codec="ffv1", options={})
    source = video(path, size=size, fit=fit)
    whole = next(iter(video(path, size="122x90", fit="refuse").items())).pixels
    small = fit_image(next(iter(source.items())).pixels, source.size, 3, fit)
    expected = fit_image(whole, source.size, 3, fit)
    assert small.shape == expected.shape
    assert np.abs(small.astype(int) - expected).mean() < 6


def test_scenes(tmp_path):
    rng = np.random.default_rng(0)
    scenes = [rng.integers(0, 256, (6, 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1) for _ in range(3)]
    frames = [np.roll(scene, shift, axis=1) for scene in scenes for shift in range(10)]
    path = clip(tmp_path / "a.mp4", frames, key_every=100)
    items = list(video(path, scenes=True).items())
    assert [item.group for item in items] == [f"a.mp4 scene {n // 10}" for n in range(30)]
    rest = list(video(path, scenes=True).items_after("a.mp4", 14))
    assert [(i.group, i.frame) for i in rest] == [(i.group, i.frame) for i in items[15:]]
    assert len({item.group for item in video(path).items()}) == 1


# Broken files


def reasons(source) -> dict[str, str]:
    with contextlib.suppress(UserError):
        list(source.items())
    return dict(source.unreadable())


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".avi"])
@pytest.mark.parametrize("share", [0.35, 0.6, 0.9])
def test_a_clip_that_breaks_off(tmp_path, suffix, share):
    rng = np.random.default_rng(1)
    frames = [np.maximum(levels(n), rng.integers(0, 90, (48, 64, 3), dtype=np.uint8)) for n in range(90)]
    whole = clip(tmp_path / f"whole{suffix}", frames, codec={".avi": "mpeg4", ".webm": "libvpx"}.get(suffix, "libx264"))
    everything = list(video(whole).items())
    (tmp_path / "in").mkdir()
    packed = whole.read_bytes()
    (tmp_path / "in" / f"a{suffix}").write_bytes(packed[: int(share * len(packed))])
    shutil.copy(whole, tmp_path / "in" / f"b{suffix}")
    source = video(tmp_path / "in")
    items = list(source.items())
    kept = [item for item in items if item.file.startswith("a")]
    assert 90 * share * 0.5 < len(kept) < 90
    assert [item.frame for item in kept] == list(range(len(kept)))
    assert sum(item.file.startswith("b") for item in items) == 90
    assert all(np.array_equal(k.pixels, e.pixels) for k, e in zip(kept[:-3], everything, strict=False))
    reason = dict(source.unreadable())[f"a{suffix}"]
    assert "breaks off" in reason or "damaged" in reason
    assert len(source.unreadable()) == 1


def test_a_recording_that_was_never_ended_is_whole(tmp_path):
    path = clip(tmp_path / "a.mkv", [levels(n) for n in range(3)])
    packed = bytearray(path.read_bytes())
    place = packed.index(b"\x18\x53\x80\x67") + 4
    packed[place : place + 8] = b"\x01" + b"\xff" * 7  # a segment of unknown length
    path.write_bytes(packed)
    source = video(path)
    assert numbers(source) == [0, 1, 2]
    assert source.unreadable() == []


def test_files_that_are_no_videos(tmp_path):
    clip(tmp_path / "good.mp4", [levels(n) for n in range(3)])
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("hello")
    (tmp_path / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    whole = (tmp_path / "good.mp4").read_bytes()
    (tmp_path / "head.mp4").write_bytes(whole[:300])
    with av.open(str(tmp_path / "sound.mp4"), "w") as out:
        stream = out.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 2048), np.float32), format="fltp", layout="mono")
        frame.rate = 48000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    source = video(tmp_path)
    assert prepare(source).count == 3
    found = reasons(source)
    assert set(found) == {"empty.mp4", "text.mp4", "gone.mp4", "head.mp4", "sound.mp4"}
    assert found["empty.mp4"] == "the file is empty"
    assert found["sound.mp4"] == "it has no video stream"
    assert "not a video" in found["text.mp4"]
    assert "no such file" in found["gone.mp4"].lower()
    with pytest.raises(UserError, match=r"empty\.mp4 cannot be read"):
        list(video(tmp_path, strict=True).items())


def test_a_image_that_is_called_a_clip_and_a_clip_without_frames(tmp_path):
    image(tmp_path / "image.png", 200)
    (tmp_path / "image.png").rename(tmp_path / "image.mp4")
    animation(tmp_path / "animation.gif", [10, 20])
    (tmp_path / "animation.gif").rename(tmp_path / "animation.mkv")
    clip(tmp_path / "still.mp4", [levels(5)])
    for name in ("nothing.mkv", "nothing.mp4"):
        with av.open(str(tmp_path / name), "w") as out:
            stream = out.add_stream("libx264", rate=30)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            out.start_encoding()
    source = video(tmp_path)
    assert [(item.file, number_of(item.pixels)) for item in source.items()] == [("still.mp4", 5)]
    found = reasons(source)
    assert set(found) == {"image.mp4", "animation.mkv", "nothing.mkv", "nothing.mp4"}
    assert all(found.values())


@pytest.mark.parametrize(("name", "codec", "fmt"), [("a.avi", "mjpeg", "yuvj420p"), ("a.mov", "png", "rgba")])
def test_frames_may_change_their_size(tmp_path, name, codec, fmt):
    packets = []
    for number, (width, height) in enumerate([(64, 48), (128, 96), (32, 24)]):
        encoder = av.CodecContext.create(codec, "w")
        encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, fmt, Fraction(1, 25)
        tone = np.full((height, width, 3), 60 + 60 * number, np.uint8)
        frame = av.VideoFrame.from_ndarray(tone, format="rgb24").reformat(format=fmt)
        frame.pts, frame.time_base = 0, encoder.time_base
        packets += [*encoder.encode(frame), *encoder.encode(None)]
    with av.open(str(tmp_path / name), "w") as out:
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, fmt
        for number, packet in enumerate(packets):
            packet.stream, packet.time_base, packet.pts, packet.dts = stream, Fraction(1, 25), number, number
            out.mux(packet)
    store = prepare(video(tmp_path / name))
    assert store.gather(np.arange(3)).mean((1, 2, 3)).tolist() == pytest.approx([60, 120, 180], abs=3)


@pytest.mark.parametrize(
    "text",
    [
        "ffconcat version 1.0\nfile good.mp4\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\ngood.mp4\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n",
    ],
)
def test_a_playlist_is_not_followed(tmp_path, text):
    clip(tmp_path / "else" / "good.mp4", [levels(n) for n in range(3)])
    (tmp_path / "else" / "list.mp4").write_text(text)
    with pytest.raises(UserError) as caught:
        list(video(tmp_path / "else" / "list.mp4").items())
    assert "not a video" in caught.value.why


def test_names_that_look_like_addresses(tmp_path, monkeypatch):
    clip(tmp_path / "a:b%20c?.mp4", [levels(n) for n in range(3)])
    monkeypatch.chdir(tmp_path)
    assert numbers(video(Path("a:b%20c?.mp4"))) == [0, 1, 2]


def test_tags_in_an_old_encoding_are_no_reason_to_refuse_a_clip(tmp_path):
    path = clip(tmp_path / "a.mkv", [levels(n) for n in range(3)], title="caf\u00e9 \u00e9t\u00e9")
    packed = path.read_bytes()
    assert b"caf\xc3\xa9" in packed
    path.write_bytes(packed.replace("\u00e9".encode(), b"\xe9 "))
    assert numbers(video(path)) == [0, 1, 2]


def test_settings_that_leave_nothing(tmp_path):
    clip(tmp_path / "a.mp4", [levels(n) for n in range(3)])
    with pytest.raises(UserError, match="no clips left"):
        prepare(video(tmp_path, skip=50))


# Real clips


def test_three_minecraft_clips(real_data):
    source = SOURCES.parse(
        {"kind": "video", "path": str(real_data / "games"), "size": "128x72", "skip": 20, "every": 10}
    )
    items = list(source.items())
    assert len(items) == 3 * 58
    assert {item.pixels.shape for item in items} == {(72, 128, 3)}
    assert source.unreadable() == []
    assert min(float(item.pixels.std()) for item in items[::20]) > 5
