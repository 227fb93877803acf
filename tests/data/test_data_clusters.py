"""Clusters of near twins are what brute force finds; a split by them leaves no twin on the other side; duplicates."""

from __future__ import annotations

import numpy as np
import pytest
from data_fakes import listed, noise_items
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tilework.data import Item, SplitSettings, duplicates, prepare, split_by
from tilework.data.media.twins import difference_hash, grey, has_twin, look, thumbnails
from tilework.data.split import clusters as clusters_file
from tilework.data.split.clusters import close_pairs, cluster, clusters
from tilework.data.split.duplicates import kept
from tilework.data.split.sides import decided
from tilework.errors import UserError
from tilework.spec import SOURCES, Size

SQUARE = Size(24, 24)


def smooth(seed: int) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize(SQUARE, Image.Resampling.BICUBIC))


def nudged(pixels: np.ndarray, seed: int, by: int = 6) -> np.ndarray:
    noise = np.random.default_rng(1000 + seed).integers(-by, by + 1, pixels.shape)
    return np.clip(pixels.astype(int) + noise, 0, 255).astype(np.uint8)


def store_of(images, labels=None, groups=None, **more):
    items = [
        Item(
            pixels,
            group=str(n if groups is None else groups[n]),
            label=None if labels is None else labels[n],
            frame=n,
            file=f"{n}.png",
        )
        for n, pixels in enumerate(images)
    ]
    return prepare(
        listed(items, size=SQUARE, mark=str((hash(tuple(p.tobytes() for p in images)), labels, groups)), **more)
    )


def brute(hashes, thumbs) -> list[int]:
    """Root of each image by trying every pair."""
    root = list(range(len(hashes)))

    def find(n):
        while root[n] != n:
            n = root[n]
        return n

    for a in range(len(hashes)):
        for b in range(a):
            one = has_twin(hashes[[a]], thumbs[[a]], hashes[[b]], thumbs[[b]])[0]
            other = has_twin(hashes[[b]], thumbs[[b]], hashes[[a]], thumbs[[a]])[0]
            if one or other:
                low, high = sorted((find(a), find(b)))
                root[high] = low
    return [find(n) for n in range(len(hashes))]


@settings(deadline=None, max_examples=25)
@given(
    picks=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(0, 40)), min_size=1, max_size=30),
    gathered=st.sampled_from([1, 7, 2**17]),
)
def test_clusters_are_what_brute_force_finds(picks, gathered):
    images = np.stack([nudged(smooth(base), seed, by) for base, seed, by in picks])
    hashes, thumbs = difference_hash(grey(images)), thumbnails(grey(images))
    before = clusters_file._GATHERED
    clusters_file._GATHERED = gathered
    try:
        found = cluster(hashes, thumbs)
    finally:
        clusters_file._GATHERED = before
    assert found.tolist() == brute(hashes, thumbs)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=40), st.integers(0, 2**32))
def test_no_close_pair_of_hashes_is_missed(words, seed):
    rng = np.random.default_rng(seed)
    hashes = [np.uint64(w) for w in words]
    for word in list(hashes):  # and neighbours of each, up to six bits away
        for bit in rng.choice(64, size=int(rng.integers(0, 7)), replace=False):
            word ^= np.uint64(1) << np.uint64(bit)
        hashes.append(word)
    array = np.array(hashes, dtype=np.uint64)
    found = {(int(a), int(b)) for ones, others in close_pairs(array) for a, b in zip(ones, others, strict=True)}
    found = {(min(pair), max(pair)) for pair in found}
    expected = {
        (a, b) for a in range(len(array)) for b in range(a + 1, len(array)) if int(array[a] ^ array[b]).bit_count() <= 4
    }
    assert found == expected


@pytest.mark.parametrize("count", [4000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_many_alike_hashes_take_little_memory_and_time(count):
    """All pairs at once would be 4 GB of thumbs at 4,000."""
    hashes = np.zeros(count, dtype=np.uint64)
    thumbs = np.random.default_rng(0).integers(0, 256, (count // 4, 16, 16), dtype=np.uint8)
    assert cluster(hashes[: count // 4], thumbs).tolist() == list(range(count // 4))
    flat = np.repeat(np.arange(count, dtype=np.int64) % 251, 256).reshape(-1, 16, 16).astype(np.uint8)
    found = cluster(hashes, flat)
    assert len(np.unique(found)) == 1  # each grey is a twin of the next


def test_a_split_by_cluster_has_no_twin_on_the_other_side_and_keeps_the_share():
    images = [nudged(smooth(n // 3), n, 5) for n in range(180)]
    labels = ["ab"[n // 3 % 2] for n in range(180)]
    store = store_of(images, labels)
    first = clusters(store)
    assert len(np.unique(first)) < 80
    by_group = split_by(store, SplitSettings(by="group", validation=0.2))
    assert by_group.leak is not None
    assert by_group.leak.twins > 0.5
    split = split_by(store, SplitSettings(validation=0.2))
    assert split.by == "cluster"
    assert split.leak is not None
    assert split.leak.twins == 0
    assert not set(first[split.train]) & set(first[split.validation])
    assert sorted([*split.train, *split.validation]) == list(range(180))
    assert abs(len(split.validation) - 36) <= 4
    for c in (0, 1):
        assert abs((store.labels[split.validation] == c).sum() - 18) <= 3
    again = split_by(store, SplitSettings(validation=0.2))
    assert np.array_equal(split.validation, again.validation)


def test_known_clusters_are_kept_and_a_read_only_cache_does_not_mind(monkeypatch):
    store = store_of([nudged(smooth(n // 2), n, 4) for n in range(10)])
    first = clusters(store)
    assert (store.folder / clusters_file._FILE).is_file()
    monkeypatch.setattr(clusters_file, "cluster", lambda *_: pytest.fail("they are known"))
    assert np.array_equal(clusters(store), first)
    monkeypatch.undo()
    (store.folder / clusters_file._FILE).write_bytes(b"broken")
    assert np.array_equal(clusters(store), first)
    (store.folder / clusters_file._FILE).unlink()

    def denied(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(clusters_file.tempfile, "mkstemp", denied)
    assert np.array_equal(clusters(store), first)


def test_auto_decides_by_what_the_groups_can_do():
    images = [smooth(n) for n in range(12)]
    flat = store_of(images)
    assert decided(flat, SplitSettings()) == "cluster"
    assert decided(store_of(images, groups=[n // 3 for n in range(12)]), SplitSettings()) == "group"
    assert decided(store_of(images, groups=[0] * 12), SplitSettings()) == "cluster"
    halves = [n // 6 for n in range(12)]
    assert decided(store_of(images, ["ab"[h] for h in halves], halves), SplitSettings()) == "cluster"
    assert decided(store_of(images, ["a"] * 12, halves), SplitSettings()) == "group"
    for kind in ("digits", "loops"):
        store = prepare(SOURCES.parse({"kind": kind, "size": 16, **({"frames": 3} if kind == "loops" else {})}))
        assert decided(store, SplitSettings()) == "group"


def test_images_that_are_all_twins_cannot_be_split_by_cluster():
    with pytest.raises(UserError, match=r"data\.split\.by=cluster") as caught:
        split_by(store_of([nudged(smooth(0), n, 2) for n in range(6)]), SplitSettings())
    assert "near twins of one another" in caught.value.why


def test_one_large_cluster_trains():
    images = [nudged(smooth(0), n, 2) for n in range(30)] + [smooth(n) for n in range(1, 21)]
    split = split_by(store_of(images), SplitSettings())
    assert set(range(30)) <= set(split.train)
    assert len(split.validation) == 5


def test_duplicates_are_counted_and_dropped():
    base = [smooth(n) for n in range(6)]
    images = [*base, base[0], base[0], nudged(base[1], 1, 3), base[2]]
    store = store_of(images)
    found = duplicates(store)
    assert [one.tolist() for one in found.exact] == [[0, 6, 7], [2, 9]]
    assert found.copies == 3
    assert [one.tolist() for one in found.near] == [[1, 8]]
    assert np.flatnonzero(~kept(store, "drop")).tolist() == [6, 7, 9]
    assert np.flatnonzero(~kept(store, "drop-near")).tolist() == [6, 7, 8, 9]
    split = split_by(store, SplitSettings(validation=0.3), "drop-near")
    assert sorted([*split.train, *split.validation]) == [0, 1, 2, 3, 4, 5]
    assert split.dropped == 4
    assert len(split_by(store, SplitSettings(validation=0.3)).train) > len(split.train)


def test_a_hash_alone_never_makes_a_copy():
    store = store_of([smooth(n) for n in range(4)])
    store.pixel_hashes = np.zeros(4, dtype=np.uint64)
    assert duplicates(store).exact == []


def test_a_slow_fade_keeps_more_than_one_image_when_near_twins_are_dropped():
    fade = [(smooth(0) * (1 - t) + smooth(1) * t).astype(np.uint8) for t in np.linspace(0, 1, 40)]
    store = store_of(fade, groups=[0] * 40)
    stays = kept(store, "drop-near")
    assert stays[0]
    assert 1 < stays.sum() < 40


def test_noise_is_split_as_it_always_was():
    """Where no two images are alike, clusters change nothing."""
    items = noise_items(40, size=Size(16, 16))
    store = prepare(listed([Item(i.pixels, group=str(n)) for n, i in enumerate(items)], size=Size(16, 16)))
    for seed in range(3):
        by = [split_by(store, SplitSettings(by=b, seed=seed)).validation.tolist() for b in ("group", "cluster", "auto")]
        assert by[0] == by[1] == by[2]


def test_real_flowers_and_emoji(real_data):
    for folder in ("flowers", "emoji"):
        store = prepare(SOURCES.parse({"kind": "images", "path": str(real_data / folder), "size": 32, "limit": 800}))
        split = split_by(store, SplitSettings())
        assert split.by == "cluster"
        assert split.leak is not None
        assert split.leak.twins == 0
        assert abs(len(split.validation) - 80) <= 8


@pytest.mark.parametrize(
    ("height", "width", "channels"), [(128, 128, 3), (72, 128, 3), (28, 28, 1), (13, 7, 3), (5, 30, 1)]
)
def test_looking_at_once_is_what_hash_and_thumbnail_give_alone(height: int, width: int, channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, height, width, channels), dtype=np.uint8)
    hashes, thumbs = look(images)
    luma = grey(images)
    alone = difference_hash(luma)
    differing = int(np.unpackbits((hashes ^ alone).view(np.uint8)).sum())
    assert differing <= 1, "only a difference of exactly half a grey level may be rounded to the other side"
    assert np.abs(thumbs.astype(int) - thumbnails(luma)).max() <= 1
    assert (thumbs != thumbnails(luma)).mean() < 1e-3
