"""Splits keep groups whole, and the leak is what brute force counts."""

from __future__ import annotations

import numpy as np
import pytest
from data_fakes import listed, noise_items
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tilework.data import FrameStore, Item, SplitSettings, prepare, split_by
from tilework.data.media.twins import difference_hash, grey, has_twin, thumbnails
from tilework.errors import UserError
from tilework.spec import SOURCES, Size


def store_of(groups, labels=None, held_out=None, *, tmp=None, seed=0) -> FrameStore:
    """A store of noise images with these groups, labels and forced sides."""
    items = noise_items(len(groups), seed=seed)
    count: dict[object, int] = {}
    made = []
    for n, item in enumerate(items):
        frame = count[groups[n]] = count.get(groups[n], -1) + 1
        label = None if labels is None or labels[n] is None else str(labels[n])
        forced = None if held_out is None else held_out[n]
        made.append(Item(item.pixels, group=str(groups[n]), frame=frame, label=label, held_out=forced))
    return prepare(listed(made), tmp)


@settings(deadline=None, max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 12), min_size=2, max_size=12),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 10**6),
)
def test_no_group_is_on_both_sides_and_every_image_on_one(tmp_path_factory, sizes, share, seed):
    groups = [g for g, size in enumerate(sizes) for _ in range(size)]
    store = store_of(groups, tmp=tmp_path_factory.mktemp("cache"))
    split = split_by(store, SplitSettings(validation=share, seed=seed))
    assert sorted([*split.train, *split.validation]) == list(range(len(groups)))
    assert len(split.train)
    assert len(split.validation)
    assert not set(store.groups[split.train]) & set(store.groups[split.validation])
    again = split_by(store, SplitSettings(validation=share, seed=seed))
    assert np.array_equal(split.train, again.train)
    assert split.leak is not None
    assert split.leak.neighbours == 0


@settings(deadline=None, max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=8),
    share=st.floats(0.01, 0.99),
    seed=st.integers(0, 10**6),
)
def test_a_segment_of_every_group_is_held_out(tmp_path_factory, sizes, share, seed):
    groups = [g for g, size in enumerate(sizes) for _ in range(size)]
    store = store_of(groups, tmp=tmp_path_factory.mktemp("cache"))
    if max(sizes) == 1:
        with pytest.raises(UserError, match="segment"):
            split_by(store, SplitSettings(by="segment", validation=share, seed=seed))
        return
    split = split_by(store, SplitSettings(by="segment", validation=share, seed=seed))
    assert sorted([*split.train, *split.validation]) == list(range(len(groups)))
    for group, size in enumerate(sizes):
        frames = np.sort(store.frames[split.validation][store.groups[split.validation] == group])
        assert len(frames) == (min(max(1, round(share * size)), size - 1) if size > 1 else 0)
        assert np.array_equal(frames, np.arange(len(frames)) + (frames[0] if len(frames) else 0))
    assert split.leak is not None


@settings(deadline=None, max_examples=40)
@given(labels=st.lists(st.integers(0, 4), min_size=2, max_size=80), share=st.floats(0.05, 0.95))
def test_single_images_are_held_out_class_by_class(tmp_path_factory, labels, share):
    store = store_of(range(len(labels)), labels, tmp=tmp_path_factory.mktemp("cache"))
    split = split_by(store, SplitSettings(validation=share))
    total = min(max(1, round(share * len(labels))), len(labels) - 1)
    assert len(split.validation) == total
    for c in range(len(store.classes)):
        mine = (store.labels == c).sum()
        assert abs((store.labels[split.validation] == c).sum() - mine * total / len(labels)) < 1


def test_groups_come_near_the_share():
    store = store_of([g for g in range(10) for _ in range(6)])
    for share, expected in ((0.1, 6), (0.25, 12), (0.5, 30), (0.99, 54)):
        got = len(split_by(store, SplitSettings(validation=share)).validation)
        assert abs(got - share * 60) <= 6
        assert got == expected or abs(got - share * 60) == abs(expected - share * 60)


def test_other_seeds_give_other_splits():
    store = store_of(range(50))
    splits = {tuple(split_by(store, SplitSettings(seed=s)).validation) for s in range(10)}
    assert len(splits) == 10


def test_forced_sides_are_respected_and_the_rest_is_divided():
    forced = [True] * 3 + [False] * 5 + [None] * 40
    store = store_of(range(48), held_out=forced)
    for by in ("group", "frame"):
        split = split_by(store, SplitSettings(by=by, validation=0.25))
        assert {0, 1, 2} <= set(split.validation)
        assert {3, 4, 5, 6, 7} <= set(split.train)
        assert len(split.validation) == 3 + 10


def test_a_fully_forced_split_ignores_the_share():
    store = store_of(range(20), held_out=[n >= 15 for n in range(20)])
    assert split_by(store, SplitSettings(validation=0.9)).validation.tolist() == [15, 16, 17, 18, 19]


def test_a_group_forced_to_both_sides_is_refused():
    store = store_of([0, 0, 1, 1], held_out=[True, False, None, None])
    with pytest.raises(UserError, match="forced to one side"):
        split_by(store, SplitSettings())


def test_one_group_cannot_be_split_and_the_message_names_both_fields():
    store = store_of([0] * 30)
    with pytest.raises(UserError, match=r"data\.split\.by=group with data\.split\.validation=0\.1") as caught:
        split_by(store, SplitSettings(by="group"))
    assert "only 1 group" in caught.value.why
    assert "data.split.by=frame" in caught.value.fix
    assert len(split_by(store, SplitSettings(by="frame")).validation) == 3


@pytest.mark.parametrize("by", ["group", "frame"])
def test_one_image_cannot_be_split(by):
    with pytest.raises(UserError, match="side empty") as caught:
        split_by(store_of([0]), SplitSettings(by=by))
    assert caught.value.fix == "give at least two images"


def test_all_forced_to_one_side_is_refused():
    with pytest.raises(UserError, match="training side empty"):
        split_by(store_of(range(4), held_out=[True] * 4), SplitSettings())


# The leak


def brute_neighbours(store: FrameStore, train, validation) -> float:
    near = 0
    for v in validation:
        near += any(store.groups[t] == store.groups[v] and abs(store.frames[t] - store.frames[v]) <= 2 for t in train)
    return near / len(validation)


def brute_twins(store: FrameStore, train, validation) -> float:
    pixels = store.gather(np.arange(store.count))
    thumb = [brute_thumb(p) for p in pixels]
    bits = [brute_bits(p) for p in pixels]
    found = 0
    for v in validation:
        bound = max(0.05 * thumb[v].var(), (2 / 255) ** 2)
        found += any((bits[v] != bits[t]).sum() <= 4 and ((thumb[v] - thumb[t]) ** 2).mean() <= bound for t in train)
    return found / len(validation)


def brute_cells(image: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Area means by repeating every pixel until the cells divide evenly."""
    luma = image.astype(float) @ ([0.299, 0.587, 0.114] if image.shape[2] == 3 else [1.0])
    h, w = luma.shape
    fine = np.repeat(np.repeat(luma, rows, 0), columns, 1)
    return fine.reshape(rows, h, columns, w).mean(axis=(1, 3))


def brute_bits(image: np.ndarray) -> np.ndarray:
    cells = brute_cells(image, 8, 9)
    return (cells[:, 1:] > cells[:, :-1] + 0.5).ravel()


def brute_thumb(image: np.ndarray) -> np.ndarray:
    return np.rint(brute_cells(image, 16, 16)) / 255


def test_the_hash_and_the_thumbnail_are_their_definitions():
    pixels = np.random.default_rng(0).integers(0, 256, size=(6, 23, 31, 3), dtype=np.uint8)
    hashes, thumbs = difference_hash(grey(pixels)), thumbnails(grey(pixels))
    for image, number, thumb in zip(pixels, hashes, thumbs, strict=True):
        assert [bool(int(number) >> bit & 1) for bit in range(64)] == brute_bits(image).tolist()
        assert np.abs(thumb / 255 - brute_thumb(image)).max() <= 1 / 255


def test_the_leak_of_a_split_by_frame_is_what_brute_force_counts():
    source = SOURCES.parse({"kind": "loops", "frames": 24, "size": 24, "animations": 6, "channels": 1})
    store = prepare(source)
    split = split_by(store, SplitSettings(by="frame", validation=0.3, seed=4))
    assert split.leak is not None
    assert split.leak.examined == len(split.validation)
    assert split.leak.neighbours == pytest.approx(brute_neighbours(store, split.train, split.validation))
    assert split.leak.twins == pytest.approx(brute_twins(store, split.train, split.validation), abs=0.03)
    assert 0.1 < split.leak.twins < 1
    assert f"{split.leak.neighbours:.0%}" in str(split.leak)
    by_group = split_by(store, SplitSettings())
    assert by_group.leak is not None
    assert (by_group.leak.neighbours, by_group.leak.twins) == (0.0, 0.0)
    assert "frames" not in str(by_group.leak)


def test_copies_of_a_image_in_other_groups_are_found():
    items = [*noise_items(10, size=Size(32, 32)), *noise_items(10, size=Size(32, 32))]
    made = [Item(i.pixels, group=str(n), held_out=n >= 10) for n, i in enumerate(items)]
    split = split_by(prepare(listed(made, size=Size(32, 32))), SplitSettings())
    assert split.leak is not None
    assert (split.leak.neighbours, split.leak.twins) == (0.0, 1.0)


def test_a_twin_survives_jpeg_and_a_stranger_is_none(tmp_path):
    rng = np.random.default_rng(0)
    smooth = [
        np.asarray(Image.fromarray(rng.integers(0, 256, size=(5, 5, 3), dtype=np.uint8)).resize((64, 64), 3))
        for _ in range(9)
    ]
    again = []
    for n, image in enumerate(smooth):
        Image.fromarray(image).save(tmp_path / f"{n}.jpg", quality=60)
        again.append(np.asarray(Image.open(tmp_path / f"{n}.jpg")))

    def looked(images):
        luma = grey(np.stack(images))
        return difference_hash(luma), thumbnails(luma)

    assert has_twin(*looked(again), *looked(smooth)).all()
    assert not has_twin(*looked(again[:4]), *looked(smooth[4:])).any()


def test_twins_do_not_depend_on_the_chunk():
    rng = np.random.default_rng(1)
    pixels = rng.integers(100, 140, size=(40, 8, 8, 1), dtype=np.uint8)
    hashes, thumbs = difference_hash(grey(pixels)), thumbnails(grey(pixels))
    results = [has_twin(hashes[:30], thumbs[:30], hashes[20:], thumbs[20:], chunk=c).tolist() for c in (1, 7, 256)]
    assert results[0] == results[1] == results[2]
    assert all(results[0][20:])


def test_images_that_are_on_both_sides_pixel_for_pixel_are_counted(tmp_path):
    pixels = [item.pixels for item in noise_items(6, seed=1)]
    made = [
        Item(one, group=str(n), frame=0, held_out=n >= 6)
        for n, one in enumerate([*pixels, *pixels[:2], pixels[0][::-1]])
    ]
    split = split_by(prepare(listed(made), tmp_path), SplitSettings())
    assert split.leak is not None
    assert split.leak.counts() == {"examined": 3, "identical": 2, "near_twins": 2, "neighbours": 0}
