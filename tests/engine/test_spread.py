"""Which validation images stand for all of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tilework.engine.autoencoder.spread import spread


def store(**columns: Any) -> Any:
    """As much of a frame store as is asked: labels, groups and files of each image, what it looks like, and its pixels."""
    count = len(columns["groups"])
    look = np.asarray(columns.get("look", np.arange(count) % 251), dtype=np.uint8)
    return SimpleNamespace(
        labels=np.asarray(columns.get("labels", [-1] * count), dtype=np.int64),
        groups=np.asarray(columns["groups"], dtype=np.int64),
        file_numbers=np.asarray(columns.get("files", columns["groups"]), dtype=np.int64),
        pixel_hashes=np.asarray(columns.get("pixels", np.arange(count)), dtype=np.uint64),
        thumbs=np.repeat(look, 4).reshape(count, 2, 2),
    )


def everything(of: Any) -> NDArray[np.int64]:
    return np.arange(len(of.groups))


def test_a_long_clip_does_not_fill_the_strip() -> None:
    of = store(groups=[0] * 900 + [1] * 30 + [2] * 30 + [3] * 40)
    chosen = spread(of, everything(of), 16)
    assert np.bincount(of.groups[chosen]).tolist() == [4, 4, 4, 4]
    assert (np.diff(chosen) > 0).all()
    first = chosen[:4]
    assert [int(at) // 225 for at in first] == [0, 1, 2, 3], "spread over its time"


def test_what_one_group_lacks_the_others_give() -> None:
    of = store(groups=[0, 0] + [1] * 50 + [2] * 50)
    assert np.bincount(of.groups[spread(of, everything(of), 12)]).tolist() == [2, 5, 5]
    assert spread(of, everything(of)[:3], 16).tolist() == [0, 1, 2], "few images are all shown"


def test_labels_come_before_groups_and_files() -> None:
    photos = store(groups=np.arange(1000), labels=[0] * 900 + [1] * 100)
    chosen = spread(photos, everything(photos), 16)
    assert np.bincount(photos.labels[chosen]).tolist() == [8, 8]
    assert len(set((chosen[:8] // 113).tolist())) == 8, "and within a label over all of it"
    more = store(groups=np.arange(100), labels=np.arange(100))
    assert len(spread(more, everything(more), 16)) == 16


def test_within_a_clip_frames_differ_as_far_as_they_do() -> None:
    """It stands still but for a moment in each stretch: that moment is chosen."""
    look = np.zeros(200)
    pixels = np.arange(200)
    moments = [70, 130, 190]
    look[moments] = [60, 120, 200]
    of = store(groups=[0] * 200, look=look, pixels=pixels)
    assert spread(of, everything(of), 4)[1:].tolist() == moments


def test_exact_copies_are_shown_once() -> None:
    of = store(groups=[0] * 300, pixels=np.arange(300) // 100)
    assert spread(of, everything(of), 16).tolist() == [0, 100, 200]
    assert spread(of, everything(of)[120:], 16).tolist() == [120, 200]
