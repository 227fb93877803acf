"""The window of newest encoder outputs, against plain lists."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tilework.engine.autoencoder.rolling import POINTS, RollingPoints


def step(seed: int, images: int, positions: int, *, codes: bool = True) -> tuple[Any, Any]:
    """A latent of `images` x `positions` tokens in 3 dimensions with 2 levels, and its batch."""
    random = torch.Generator().manual_seed(seed)
    z = torch.randn(images * positions, 3, generator=random)
    chosen = torch.randint(50, (images, 2, positions), generator=random)
    latent = SimpleNamespace(mean=None, inputs=[z], codes=chosen if codes else None)
    return latent, SimpleNamespace(labels=torch.randint(9, (images,), generator=random))


def plain(steps: list[tuple[Any, Any]], positions: int) -> tuple[list[Any], list[Any], list[Any]]:
    """Token by token, newest step first, until as many tokens were trained as the window has."""
    points, codes, labels = [], [], []
    trained = 0
    for latent, batch in reversed(steps):
        z = latent.inputs[0]
        if trained >= POINTS:
            break
        trained += len(z)
        every = -(-len(z) // POINTS)
        for token in range(0, len(z), every):
            points.append(z[token].tolist())
            labels.append(int(batch.labels[token // positions]))
            codes.append(latent.codes[token // positions, :, token % positions].tolist())
    return points[:POINTS], codes[:POINTS], labels[:POINTS]


@pytest.mark.parametrize(("images", "positions"), [(64, 1), (7, 16), (300, 9), (1, 1), (2000, 1)])
@pytest.mark.parametrize("looks", [1, 3, 40])
def test_the_newest_tokens_come_first_however_often_one_looked(images: int, positions: int, looks: int) -> None:
    rolling, steps = RollingPoints(positions), []
    for seed in range(40):
        steps.append(step(seed, images - seed % 2 * (images > 1), positions))
        rolling.seen([steps[-1][0]], [steps[-1][1]])
        if seed % looks == 0:
            rolling.newest()
    points, codes, labels = rolling.newest()
    wanted = plain(steps, positions)
    assert points.dtype == np.float32
    np.testing.assert_array_equal(points, np.array(wanted[0], np.float32))
    np.testing.assert_array_equal(codes, np.array(wanted[1]))
    np.testing.assert_array_equal(labels, np.array(wanted[2]))


def test_without_codes_and_without_steps() -> None:
    rolling = RollingPoints(4)
    points, codes, labels = rolling.newest()
    assert (points.shape, codes, labels.shape) == ((0, 1), None, (0,))
    latent, batch = step(0, 5, 4, codes=False)
    rolling.seen([latent, latent], [batch, batch])  # two micro-batches of one step
    points, codes, labels = rolling.newest()
    assert (points.shape, codes, labels.shape) == ((40, 3), None, (40,))
    np.testing.assert_array_equal(labels[:20].reshape(5, 4), np.repeat(batch.labels.numpy()[:, None], 4, axis=1))


def test_what_is_out_of_the_window_is_let_go() -> None:
    rolling = RollingPoints(1)
    for seed in range(100):
        rolling.seen(*([one] for one in step(seed, 64, 1)))
    assert len(rolling._steps) == POINTS // 64
    rolling.newest()
    assert all(
        one.tensors is None for one in rolling._steps
    )  # nor are tensors of the training kept once they were read
