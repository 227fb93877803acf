"""Plain codes take as many bits as their formulas give."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tilework.engine.prior.baselines import Baselines
from tilework.engine.prior.clips import Frames, items_of
from tilework.engine.prior.feed import Codes
from tilework.spec.prior import TokenData

K = 5


def fitted(rows: np.ndarray, frames: int = 1) -> Baselines:  # type: ignore[type-arg]
    n = len(rows)
    known = Frames(
        np.zeros(n, np.int64), np.arange(n), np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(1, bool), 1
    )
    items, _ = items_of(known, TokenData(frames=frames))
    return Baselines.fitted(Codes(rows, known.labels, torch.device("cpu")), items, K)


def test_uniform_and_unigram_by_level_with_one_added_to_each_count() -> None:
    rows = np.zeros((6, 2, 1, 2), np.uint16)
    rows[:, 1] = 3
    rows[0, 1, 0, 0] = 1
    plain = fitted(rows)
    assert plain.copies is None
    bits = plain.bits(rows[:1, None].astype(np.int64))
    assert np.allclose(bits["uniform"], np.log2(K))
    assert np.allclose(bits["unigram"][0, 0, 0], -np.log2(13 / 17))  # 12 zeros of 12, and one of each of five
    assert np.allclose(bits["unigram"][0, 0, 1], -np.log2(np.array([[2 / 17, 12 / 17]])))
    assert "copy" not in bits


def test_a_copy_is_as_likely_as_in_training_and_else_the_unigram() -> None:
    rng = np.random.default_rng(0)
    rows = np.empty((4000, 1, 1, 1), np.uint16)
    token = 0
    for row in rows:  # with probability 0.7 as before, else any of five
        token = token if rng.random() < 0.7 else int(rng.integers(K))
        row[:] = token
    plain = fitted(rows, frames=2)
    assert plain.copies is not None
    assert plain.copies[0] == pytest.approx(0.7, abs=0.03)
    pair = np.array([[[[[2]]], [[[2]]]], [[[[2]]], [[[4]]]]])
    share, alone = plain.copies[0], plain.unigram[0]
    bits = plain.bits(pair)["copy"][:, :, 0, 0, 0]
    assert np.allclose(bits[:, 0], -np.log2(alone[2]))
    assert np.allclose(bits[:, 1], -np.log2([share + (1 - share) * alone[2], (1 - share) * alone[4]]))
    # It is a distribution: over all codes the probabilities add up to one.
    each = np.array([[[[[2]]], [[[code]]]] for code in range(K)])
    assert np.exp2(-plain.bits(each)["copy"][:, 1]).sum() == pytest.approx(1)
