"""Which frames make an item, and on which side it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tilework.engine.prior.clips import Frames, Items, items_of
from tilework.engine.prior.feed import Codes, TokenFeed
from tilework.engine.prior.sides import divided
from tilework.errors import UserError
from tilework.spec.prior import TokenData


def clips(
    *lengths: int, loops: bool = True, held_out: tuple[int, ...] = (), labels: tuple[int, ...] = (), step: int = 1
) -> Frames:
    """Clips of so many frames, of which some are held out whole; each has a label of its own, or those that are given."""
    groups = np.repeat(np.arange(len(lengths)), lengths)
    return Frames(
        groups,
        np.concatenate([step * np.arange(length) for length in lengths]),
        np.isin(groups, held_out).astype(np.int64),
        np.array(labels or range(len(lengths)))[groups],
        np.full(len(lengths), loops),
        len(lengths),
    )


def every(items: Items) -> list[list[int]]:
    found: list[list[int]] = items.frames_of(np.arange(len(items))).tolist()
    return found


def test_images_are_items_of_one_frame() -> None:
    items, short = items_of(clips(3, 2), TokenData())
    assert (every(items), short, items.loop) == ([[0], [1], [2], [3], [4]], 0, False)


def test_a_loop_is_gone_round_from_every_start() -> None:
    items, _ = items_of(clips(6), TokenData(frames=3, stride=2))
    assert items.loop
    assert every(items) == [[0, 2, 4], [1, 3, 5], [2, 4, 0], [3, 5, 1], [4, 0, 2], [5, 1, 3]]


def test_a_part_of_a_loop_may_pass_its_seam_and_is_no_loop() -> None:
    items, _ = items_of(clips(4), TokenData(frames=2, stride=1))
    assert not items.loop
    assert every(items) == [[0, 1], [1, 2], [2, 3], [3, 0]]
    items, _ = items_of(clips(4), TokenData(frames=2, stride=1, loop=False))
    assert len(items) == 4  # the tokens record which clips are loops; with loop=false they record that none is
    items, _ = items_of(clips(4, loops=False), TokenData(frames=2, stride=1))
    assert every(items) == [[0, 1], [1, 2], [2, 3]]


def test_a_clip_has_as_many_items_as_starts() -> None:
    items, short = items_of(clips(7, 2, loops=False), TokenData(frames=3, stride=3))
    assert (every(items), short) == ([[0, 3, 6]], 1)


def test_stride_auto_goes_once_round_loops_of_every_length() -> None:
    items, _ = items_of(clips(6, 9), TokenData(frames=3, stride="auto", loop=True))
    assert items.loop
    assert every(items)[0] == [0, 2, 4]
    assert every(items)[6] == [6, 9, 12]


def test_frames_that_lie_several_numbers_apart_follow_one_another_and_a_gap_parts_them() -> None:
    frames = clips(6, loops=False, step=5)
    items, _ = items_of(frames, TokenData(frames=3))
    assert every(items) == [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]]
    frames.numbers[3:] += 5
    items, _ = items_of(frames, TokenData(frames=3))
    assert every(items) == [[0, 1, 2], [3, 4, 5]]


def test_frames_that_are_on_neither_side_are_in_no_item() -> None:
    frames = clips(6, loops=False)
    frames.sides[2] = -1
    items, _ = items_of(frames, TokenData(frames=2))
    assert every(items) == [[0, 1], [3, 4], [4, 5]]


@pytest.mark.parametrize(
    ("lengths", "loops", "data", "what", "fix"),
    [
        ((180,), True, {"frames": 45, "stride": 3, "loop": True}, "not go round the loops once", "data.frames=45 data.stride=4"),
        ((150, 150), True, {"frames": 45, "stride": "auto", "loop": True}, "do not go round", "data.frames=50 data.stride=3"),
        ((12, 10), True, {"frames": 4, "stride": 3, "loop": True}, "do not go round", "data.frames=5 data.stride=2"),
        ((8,), False, {"frames": 9}, "need 9 frames of a clip", "data.frames=8"),
        ((8, 5), False, {"frames": 4, "stride": 3}, "need 10 frames of a clip", "data.frames=3"),
        ((8,), True, {"frames": 9}, "need 9 frames of a clip", "data.frames=8"),
        ((2,), False, {"frames": 2, "stride": 2}, "need 3 frames of a clip", "data.stride=1"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_what_can(
    lengths: tuple[int, ...], loops: bool, data: dict[str, object], what: str, fix: str
) -> None:
    with pytest.raises(UserError) as refused:
        items_of(clips(*lengths, loops=loops), TokenData.model_validate(data))
    assert what in refused.value.what
    assert fix in refused.value.fix


def test_stills_are_no_clips() -> None:
    frames = clips(4)
    frames.numbers[:] = -1
    with pytest.raises(UserError, match="was trained on single images"):
        items_of(frames, TokenData(frames=2))


# Sides ---------------------------------------------------------------------------------------------------------------


def test_sides_are_the_parents_where_items_fit_into_them() -> None:
    frames, data = clips(6, 6, 6, held_out=(1,)), TokenData(frames=3, stride=2)
    found = divided(items_of(frames, data)[0], frames, data)
    assert (found.by, found.clips, len(found.train), len(found.validation)) == ("parent", (2, 1), 12, 6)
    assert set(frames.groups[found.validation.frames_of(np.arange(6))].ravel()) == {1}


def test_an_item_that_reaches_over_both_sides_is_on_neither() -> None:
    frames, data = clips(8, loops=False), TokenData(frames=2)
    frames.sides[3:6] = 1
    found = divided(items_of(frames, data)[0], frames, data)
    assert every(found.train) == [[0, 1], [1, 2], [6, 7]]
    assert every(found.validation) == [[3, 4], [4, 5]]


def test_whole_loops_are_held_out_where_the_parent_held_out_stretches() -> None:
    labels = (0,) * 10 + (1,) * 20
    frames, data = clips(*[6] * 30, labels=labels), TokenData(frames=3, stride=2)
    frames.sides[::6] = 1  # a frame of every loop
    found = divided(items_of(frames, data)[0], frames, data)
    assert (found.by, found.clips) == ("clips", (27, 3))
    out = frames.groups[found.validation.frames_of(np.arange(len(found.validation)))]
    assert sorted(np.array(labels)[np.unique(out)].tolist()) == [0, 1, 1], "each label has its share"
    trained = frames.groups[found.train.frames_of(np.arange(len(found.train)))]
    assert not set(out.ravel()) & set(trained.ravel())
    again = divided(items_of(frames, data)[0], frames, data)
    assert every(again.validation) == every(found.validation)


def test_mirrored_clips_train_and_are_never_measured_and_stay_on_the_side_of_their_original() -> None:
    one = clips(6, 6, 6, held_out=(1,))
    both = Frames(
        np.concatenate([one.groups, one.groups + 3]), *(np.tile(part, 2) for part in (one.numbers, one.sides, one.labels)),
        np.tile(one.loops, 2), 3,
    )  # fmt: skip
    for how in ("parent", "clips"):
        data = TokenData(frames=3, stride=2, split=how)
        found = divided(items_of(both, data)[0], both, data)
        out = set(both.groups[found.validation.frames_of(np.arange(len(found.validation)))].ravel())
        trained = set(both.groups[found.train.frames_of(np.arange(len(found.train)))].ravel())
        assert len(out) == 1
        assert len(trained) == 4
        assert not trained & (out | {group + 3 for group in out})
        assert found.clips == (2, 1)


def test_one_loop_alone_cannot_be_divided() -> None:
    frames, data = clips(6), TokenData(frames=3, stride=2)
    with pytest.raises(UserError, match="one clip alone cannot be divided"):
        divided(items_of(frames, data)[0], frames, data)
    data = TokenData(frames=3, stride=2, split="parent")
    with pytest.raises(UserError, match="leaves the validation side without"):
        divided(items_of(frames, data)[0], frames, data)


# The feed ------------------------------------------------------------------------------------------------------------


def feed(count: int = 10, size: int = 4, **how: int) -> TokenFeed:
    rows = np.arange(count, dtype=np.uint16).reshape(count, 1, 1, 1)
    items, _ = items_of(clips(count), TokenData())
    return TokenFeed(Codes(rows, np.zeros(count, np.int64), torch.device("cpu")), items, size, seed=3, **how)


def taken(feed: TokenFeed, epoch: int, *place: int) -> list[int]:
    return [int(token) for batch in feed.epoch(epoch, *place) for token in batch.tokens.flatten()]


def test_an_epoch_is_an_order_of_its_own_and_the_same_again() -> None:
    assert feed().steps_per_epoch == 2
    assert taken(feed(), 0) == taken(feed(), 0) != taken(feed(), 1)
    assert taken(feed(), 1, 1) == taken(feed(), 1)[4:]
    assert taken(feed(), 1, 0, 4) == taken(feed(), 1)[4:]


def test_short_epochs_take_every_item_before_one_comes_again() -> None:
    short = feed(count=12, size=3, epoch_items=6)
    assert short.steps_per_epoch == 2
    assert sorted(taken(short, 0) + taken(short, 1)) == list(range(12))
    assert sorted(taken(short, 2) + taken(short, 3)) == list(range(12))
    assert taken(short, 0) != taken(short, 2)
    odd = feed(count=10, size=4, epoch_items=4)
    assert sorted(taken(odd, 0) + taken(odd, 1) + taken(odd, 2)[:2]) == list(range(10))


def test_the_batch_of_two_processes_is_the_batch_of_one() -> None:
    parts = [list(feed(rank=rank, world=2).epoch(0)) for rank in range(2)]
    together = [int(token) for pair in zip(*parts, strict=True) for batch in pair for token in batch.tokens.flatten()]
    assert together == taken(feed(), 0)
    with pytest.raises(UserError, match="cannot be shared by 3 processes"):
        feed(world=3)


def test_a_batch_has_the_tokens_of_its_frames_and_the_label_of_its_clip() -> None:
    frames = clips(4, 4)
    rows = np.arange(8 * 2 * 3, dtype=np.uint16).reshape(8, 2, 1, 3)
    items, _ = items_of(frames, TokenData(frames=2, stride=2))
    batch = Codes(rows, frames.labels, torch.device("cpu")).batch(items, np.array([5, 0]))
    assert batch.labels.tolist() == [1, 0]
    assert batch.tokens.dtype == torch.int64
    assert batch.tokens.tolist() == [[rows[5].tolist(), rows[7].tolist()], [rows[0].tolist(), rows[2].tolist()]]
