"""Batches: every image once, in an order that is a function of seed and epoch, and exact values."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from data_fakes import listed, noise_items
from hypothesis import given, settings
from hypothesis import strategies as st

from tilework.data import Batches, FrameStore, prepare
from tilework.data import batches as module
from tilework.errors import UserError
from tilework.spec import Size

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.fixture(scope="module", params=[1, 3])
def store(request, tmp_path_factory) -> FrameStore:
    items = noise_items(50, size=Size(7, 5), channels=request.param)
    items = [type(i)(i.pixels, group=i.group, label=str(n % 7) if n % 5 else None) for n, i in enumerate(items)]
    source = listed(items, size=Size(7, 5), channels=request.param)
    return prepare(source, tmp_path_factory.mktemp("cache"), shard_bytes=12 * 105)


INDICES = np.arange(3, 50)  # not from 0, so that positions and indices cannot be mixed up


def test_values_are_pixels_over_255_exactly(store):
    (batch,) = Batches(store, INDICES, 64, shuffle=False, drop_last=False).epoch(0)
    pixels = store.gather(INDICES)
    expected = (pixels.astype(np.float64) / 255).astype(np.float32).transpose(0, 3, 1, 2)
    assert batch.images.dtype == torch.float32
    assert np.array_equal(batch.images.numpy(), expected)
    assert batch.labels.dtype == batch.index.dtype == torch.int64
    assert np.array_equal(batch.labels.numpy(), store.labels[INDICES])
    assert np.array_equal(batch.index.numpy(), INDICES)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("keep", ["always", "never"])
@pytest.mark.parametrize("channels_last", [True, False])
def test_every_way_of_delivery_gives_the_same(store, device, keep, channels_last):
    plain = Batches(store, INDICES, 8, seed=3, keep_on_device="never")
    other = Batches(store, INDICES, 8, seed=3, device=device, keep_on_device=keep, channels_last=channels_last)
    assert (other.resident is not None) == (keep == "always")
    for mine, theirs in zip(plain.epoch(2), other.epoch(2), strict=True):
        layout = torch.channels_last if channels_last else torch.contiguous_format
        assert theirs.images.is_contiguous(memory_format=layout)
        assert theirs.images.device.type == theirs.labels.device.type == theirs.index.device.type == device
        # A GPU divides to within one unit in the last place.
        torch.testing.assert_close(mine.images, theirs.images.cpu(), rtol=2e-7 if device != "cpu" else 0, atol=0)
        assert torch.equal(mine.labels, theirs.labels.cpu())
        assert torch.equal(mine.index, theirs.index.cpu())


@settings(deadline=None, max_examples=60)
@given(
    batch_size=st.integers(1, 60), drop_last=st.booleans(), number=st.integers(0, 1000), seed=st.integers(0, 2**32 - 1)
)
def test_an_epoch_visits_every_index_once(store, batch_size, drop_last, number, seed):
    batches = Batches(store, INDICES, batch_size, seed=seed, drop_last=drop_last)
    sizes, seen = [], []
    for batch in batches.epoch(number):
        sizes.append(len(batch.index))
        seen += batch.index.tolist()
    assert len(sizes) == batches.steps_per_epoch
    assert len(set(seen)) == len(seen)
    assert set(seen) <= set(INDICES.tolist())
    if not drop_last or batch_size > len(INDICES):
        assert len(seen) == len(INDICES)
    else:
        assert sizes == [batch_size] * (len(INDICES) // batch_size)


def order(batches: Batches, number: int, start: int = 0) -> list[list[int]]:
    return [batch.index.tolist() for batch in batches.epoch(number, start)]


def test_the_order_is_a_function_of_seed_and_epoch_alone(store):
    def make(seed=1, **more):
        return Batches(store, INDICES, 8, seed=seed, **more)

    first = order(make(), 4)
    used = make()
    for number in range(4):
        order(used, number)
    assert order(used, 4) == first
    assert order(make(keep_on_device="never"), 4) == first
    assert order(make(), 5) != first
    assert order(make(seed=2), 4) != first
    # (1, 4) and (4, 1) are different streams
    assert order(make(seed=4), 1) != first


@given(start=st.integers(0, 5))
@settings(deadline=None, max_examples=6)
def test_resuming_in_the_middle_gives_the_same_tail(store, start):
    batches = Batches(store, INDICES, 8, seed=1)
    assert batches.steps_per_epoch == 5
    assert order(batches, 3, start) == order(batches, 3)[start:]


@pytest.mark.parametrize("world", [2, 4])
@pytest.mark.parametrize("drop_last", [True, False])
@pytest.mark.parametrize("count", [47, 40, 6])
def test_the_ranks_together_are_one_process(store, world, drop_last, count):
    one = Batches(store, INDICES[:count], 8, seed=1, drop_last=drop_last)
    ranks = [Batches(store, INDICES[:count], 8, seed=1, drop_last=drop_last, rank=r, world=world) for r in range(world)]
    assert {b.steps_per_epoch for b in ranks} == {one.steps_per_epoch}
    for whole, *parts in zip(one.epoch(2), *(r.epoch(2) for r in ranks), strict=True):
        together = torch.cat([p.images for p in parts])
        sizes = [len(p.index) for p in parts]
        assert max(sizes) - min(sizes) <= 1
        if drop_last and len(whole.index) % world:  # only a set smaller than one batch: equal shares come first
            assert len(set(sizes)) == 1
            whole_images = whole.images[: len(whole.index) // world * world]
        else:
            whole_images = whole.images
        assert torch.equal(together, whole_images)


def test_a_batch_size_that_does_not_divide(store):
    with pytest.raises(UserError, match=r"engine\.batch_size=10 cannot be shared by 4 processes") as caught:
        Batches(store, INDICES, 10, world=4)
    assert caught.value.fix == "use engine.batch_size=12"
    with pytest.raises(UserError, match="3 training images cannot be shared by 4"):
        Batches(store, INDICES[:3], 8, world=4)
    with pytest.raises(UserError, match="no image"):
        Batches(store, INDICES[:0], 8)


def test_a_set_smaller_than_a_batch_is_one_smaller_batch(store):
    batches = Batches(store, INDICES[:5], 64)
    assert batches.steps_per_epoch == 1
    assert sorted(order(batches, 0)[0]) == INDICES[:5].tolist()


def test_without_shuffling_everything_comes_in_order(store):
    batches = Batches(store, INDICES, 8, seed=9, shuffle=False, drop_last=False)
    got = [b.index.tolist() for b in batches.epoch(0)]
    assert [index for part in got for index in part] == INDICES.tolist()
    assert [len(g) for g in got] == [8, 8, 8, 8, 8, 7]


def test_small_sets_live_on_the_device_and_large_ones_do_not(store, monkeypatch):
    assert Batches(store, INDICES, 8).resident is not None
    monkeypatch.setitem(module.RESIDENT_BYTES, "cpu", store.nbytes * len(INDICES) // store.count - 1)
    assert Batches(store, INDICES, 8).resident is None
    assert Batches(store, INDICES, 8, keep_on_device="always").resident is not None


def test_what_the_trainer_does_to_a_batch_never_reaches_the_data(store):
    for keep in ("always", "never"):
        batches = Batches(store, INDICES, 8, keep_on_device=keep)
        before = [b.images.clone() for b in batches.epoch(0)]
        for batch in batches.epoch(0):
            batch.images.zero_()
            batch.labels.zero_()
            batch.index.zero_()
        for expected, batch in zip(before, batches.epoch(0), strict=True):
            assert torch.equal(batch.images, expected)
            assert np.array_equal(batch.labels.numpy(), store.labels[batch.index.numpy()])
    store.verify()


def test_reading_ahead_keeps_the_order_and_passes_errors_on():
    plan = [np.array([n]) for n in range(20)]

    def read(positions):
        if positions[0] == 15:
            raise OSError("the disk went away")
        return torch.tensor(positions), positions

    ahead = module._one_ahead(plan, read, lambda pair: int(pair[0][0]))
    # The batch before the broken one is delivered too.
    assert [next(ahead) for _ in range(15)] == list(range(15))
    with pytest.raises(OSError, match="went away"):
        next(ahead)
    assert list(module._one_ahead([], read, lambda pair: pair)) == []


def test_an_epoch_may_be_left_in_the_middle():
    plan = [np.array([n]) for n in range(20)]
    ahead = module._one_ahead(plan, lambda p: (torch.tensor(p), p), lambda pair: int(pair[0][0]))
    assert [next(ahead), next(ahead)] == [0, 1]
    ahead.close()
