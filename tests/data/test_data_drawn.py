"""Images that come with the program: digits and loops."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from tilework.data import prepare, split_by
from tilework.data.loops import ANIMATIONS, animation, frames
from tilework.data.media.turned import turned
from tilework.spec import SOURCES, Size


def test_digits_are_sklearns_with_their_labels():
    source = SOURCES.parse("digits")
    store = prepare(source)
    raw = load_digits()
    assert store.shape == (28, 28, 1)
    assert store.classes == tuple("0123456789")
    assert np.array_equal(store.labels, raw.target)
    assert len(store.group_names) == 1797
    images = store.gather(np.arange(1797))[..., 0].astype(float)
    # Brought back to 8x8 (the middle 22 of 28 pixels), each image is nearest to the digit that it was made from.
    back = np.stack(
        [np.asarray(Image.fromarray(p).resize((8, 8), Image.Resampling.BOX, box=(3, 3, 25, 25))) for p in images]
    )
    mine, theirs = (v.reshape(1797, -1) - v.reshape(1797, -1).mean(1, keepdims=True) for v in (back, raw.images))
    mine, theirs = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in (mine, theirs))
    nearest = (mine @ theirs.T).argmax(axis=1)
    assert (nearest == np.arange(1797)).mean() > 0.98
    # Strokes on black with a margin, full white in the strokes.
    assert images[:, 0].max() == images[:, :, 0].max() == 0
    assert (images.max(axis=(1, 2)) > 240).all()
    split = split_by(store, source.split)
    assert len(split.validation) == 180


@pytest.mark.parametrize("size", ["28x28", "64x32", "20x50", "8x8"])
def test_digits_of_any_size_stay_upright_in_the_middle(size):
    source = SOURCES.parse({"kind": "digits", "size": size})
    items = [item for _, item in zip(range(40), source.items(), strict=False)]
    mean = np.mean([i.pixels[..., 0] for i in items], axis=0)
    height, width = mean.shape
    y, x = (np.average(np.arange(n) + 0.5, weights=mean.sum(1 - axis)) for axis, n in enumerate((height, width)))
    assert abs(x - width / 2) < 0.06 * min(width, height)
    assert abs(y - height / 2) < 0.06 * min(width, height)


def test_loops_are_ten_groups_of_180():
    source = SOURCES.parse({"kind": "loops", "size": 16, "channels": 1})
    store = prepare(source)
    assert store.count == 1800
    assert store.group_names == list(ANIMATIONS)
    assert np.bincount(store.groups).tolist() == [180] * 10
    assert store.frames[:180].tolist() == list(range(180))
    assert store.classes == tuple(sorted(ANIMATIONS))


@pytest.mark.parametrize("name", list(ANIMATIONS))
class TestEachAnimation:
    def test_it_repeats_bit_for_bit(self, name):
        first, second = (list(frames(name, 5, Size(32, 32), 3, seed=2)) for _ in range(2))
        assert np.array_equal(first, second)

    def test_it_closes(self, name):
        draw = animation(name, Size(48, 48), 3)
        assert np.array_equal(draw(1.0), draw(0.0))
        # Not only because t is taken modulo 1: just before the end it is already nearly the first frame.
        before = draw(1 - 1e-6).astype(int)
        assert np.abs(before - draw(0.0)).mean() < 0.2

    def test_the_seam_is_like_any_other_step(self, name):
        run = np.stack(list(frames(name, 180, Size(40, 40), 1))).astype(float)
        change = np.abs(run - np.roll(run, 1, axis=0)).mean(axis=(1, 2, 3))
        assert change[0] <= np.quantile(change[1:], 0.99) + 0.2  # change[0] is from the last frame to the first
        assert change.max() < 25  # no jump anywhere

    def test_it_moves_and_uses_the_range_in_grey_and_colour(self, name):
        colour = np.stack(list(frames(name, 9, Size(64, 64), 3))).astype(float)
        shades = np.stack(list(frames(name, 9, Size(64, 64), 1))).astype(float)
        assert np.abs(colour[0] - colour[4]).mean() > 3
        assert np.quantile(shades, 0.99) - np.quantile(shades, 0.01) > 90
        luma = colour @ np.array([0.299, 0.587, 0.114])
        assert np.abs(luma - shades[..., 0]).max() <= 1.5

    @pytest.mark.parametrize("size", [Size(128, 72), Size(36, 64), Size(16, 16)])
    def test_any_size(self, name, size):
        pixels = animation(name, size, 3)(0.3)
        assert pixels.shape == (size.height, size.width, 3)
        assert pixels.std() > 10

    def test_another_seed_is_another_drawing(self, name):
        images = [animation(name, Size(32, 32), 3, seed=s)(0.25) for s in range(4)]
        assert any(not np.array_equal(images[0], other) for other in images[1:])

    def test_edges_are_smooth(self, name):
        # Against the true average of a much larger drawing, it errs far less than a drawing without smoothing would.
        large = animation(name, Size(256, 256), 1)(0.3).astype(float)
        small = animation(name, Size(64, 64), 1)(0.3).astype(float)
        truth = large.reshape(64, 4, 64, 4, 1).mean(axis=(1, 3))
        hard = large[2::4, 2::4]
        assert np.abs(small - truth).mean() < 0.6 * np.abs(hard - truth).mean()


def test_fewer_animations_and_frames():
    source = SOURCES.parse({"kind": "loops", "size": 16, "animations": 3, "frames": 4})
    items = list(source.items())
    assert [i.group for i in items] == [n for n in list(ANIMATIONS)[:3] for _ in range(4)]
    assert [i.frame for i in items[:4]] == [0, 1, 2, 3]


def test_variants_are_other_drawings_of_the_same_kind():
    alone = SOURCES.parse({"kind": "loops", "size": 16, "animations": 2, "frames": 4})
    source = SOURCES.parse({"kind": "loops", "size": 16, "animations": 2, "frames": 4, "variants": 3})
    items = list(source.items())
    assert source.expected() == len(items) == 2 * 3 * 4
    kinds = list(ANIMATIONS)[:2]
    assert [(i.label, i.group) for i in items[::4]] == [(k, f"{k} {n}") for k in kinds for n in (1, 2, 3)]
    usual = list(alone.items())
    for number in range(2):
        mine, theirs = items[12 * number :][:4], usual[4 * number :][:4]
        assert [i.pixels.tobytes() for i in mine] == [i.pixels.tobytes() for i in theirs]
    assert "variants" not in alone.fingerprint()  # what was prepared before there were any is still right
    assert source.fingerprint() != alone.fingerprint()
    split = split_by(prepare(source), source.split)
    assert {items[i].group for i in split.train}.isdisjoint({items[i].group for i in split.validation})


@pytest.mark.parametrize("channels", [1, 3])
def test_no_two_variants_show_the_same_frame(channels):
    for name in ANIMATIONS:
        seen = [f.astype(int) for v in range(4) for f in frames(name, 6, Size(24, 24), channels, 0, v)]
        of = [v for v in range(4) for _ in range(6)]
        for one, mine in zip(seen, of, strict=True):
            nearest = min(
                float(np.abs(one - other).mean()) for other, theirs in zip(seen, of, strict=True) if theirs != mine
            )
            assert nearest > 2, name


def test_a_variant_closes_too():
    for name in ANIMATIONS:
        draw = animation(name, Size(48, 48), 3, variant=3)
        assert np.abs(draw(1 - 1e-6).astype(int) - draw(0.0)).mean() < 0.2


def test_eight_variants_are_seen_from_all_sides_of_a_square():
    plain = {"kind": "loops", "size": 16, "channels": 1, "frames": 1, "animations": 1, "variants": 9}
    drawn, seen = ([item.pixels for item in SOURCES.parse(own).items()] for own in (plain, {**plain, "turned": True}))
    sides = [(quarters, way) for quarters in range(4) for way in (1, -1)] + [(0, 1)]
    for before, after, (quarters, way) in zip(drawn, seen, sides, strict=True):
        assert np.array_equal(np.rot90(before, quarters)[:, ::way], after)
    letter = np.arange(9, dtype=np.uint8).reshape(3, 3, 1)
    assert len({turned(letter, number).tobytes() for number in range(8)}) == 8


def test_oblong_drawings_are_turned_upside_down_and_mirrored_only():
    plain = {"kind": "loops", "size": "24x16", "channels": 3, "frames": 1, "animations": 1, "variants": 4}
    drawn, seen = ([item.pixels for item in SOURCES.parse(own).items()] for own in (plain, {**plain, "turned": True}))
    expected = (drawn[0], drawn[1][:, ::-1], drawn[2][::-1, ::-1], drawn[3][::-1])
    assert all(np.array_equal(mine, wanted) for mine, wanted in zip(seen, expected, strict=True))


def test_what_was_prepared_before_drawings_could_be_turned_is_still_right():
    plain = SOURCES.parse({"kind": "loops", "variants": 3})
    assert "turned" not in plain.fingerprint()
    assert SOURCES.parse({"kind": "loops", "variants": 3, "turned": True}).fingerprint() != plain.fingerprint()
