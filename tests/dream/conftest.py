"""Small tokenizers that were really trained, and priors over their tokens whose answers are known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from dreamt import loops_parent
from fakes.prior import TablePrior
from token_models import opened_model

from tilework.dream.opened import Dreamer
from tilework.explore.opened import Opened, open_model
from tilework.priors.contract import TokenShape
from tilework.runs.folder import RunFolder

LOOP_FRAMES = 12


@pytest.fixture
def digits(once: Callable[..., Path]) -> Callable[..., Dreamer]:
    """A prior of images of digits: it draws tokens of the validation images, by label."""

    def make(kind: str = "vq", side: str = "validation", **settings: object) -> Dreamer:
        opened = opened_model(once, kind)
        assert opened.images is not None
        positions = opened.images.side(side)[:200]  # type: ignore[arg-type]
        table = opened.model.codes(opened.images.store.gather(positions))[:, None]
        labels = torch.from_numpy(opened.images.store.labels[positions])
        _, levels, height, width = table.shape[1:]
        shape = TokenShape(1, levels, height, width, opened.model.codebook_size, classes=10)
        prior = TablePrior(table, shape, labels, **settings)  # type: ignore[arg-type]
        return Dreamer(prior, opened, f"prior-{kind}", 7, opened.images.store.classes)

    return make


@pytest.fixture
def loops_run(once: Callable[..., Path]) -> RunFolder:
    """A tokenizer of loops, trained once for the whole test run."""
    return loops_parent(once)


@pytest.fixture
def loops_opened(loops_run: RunFolder) -> Opened:
    return open_model(loops_run, which="last", device="cpu")


@pytest.fixture
def loops(loops_opened: Opened) -> Callable[..., Dreamer]:
    """A prior of loops of 12 key frames, every second of 24: it draws the loops of a side, by label."""

    def make(side: str = "validation", *, loop: bool = True, frames: int = LOOP_FRAMES, **settings: object) -> Dreamer:
        images = loops_opened.images
        assert images is not None
        store = images.store
        groups = np.unique(store.groups[images.side(side)])  # type: ignore[arg-type]
        positions = [np.flatnonzero(store.groups == group)[:: 24 // LOOP_FRAMES][:frames] for group in groups]
        table = torch.stack([loops_opened.model.codes(store.gather(p)) for p in positions])
        labels = torch.tensor([int(store.labels[p[0]]) for p in positions])
        shape = TokenShape(
            frames, *table.shape[2:], loops_opened.model.codebook_size, classes=len(store.classes), loop=loop
        )
        prior = TablePrior(table, shape, labels, **settings)  # type: ignore[arg-type]
        return Dreamer(prior, loops_opened, "prior-loops", 9, store.classes, stride=24 // LOOP_FRAMES)

    return make
