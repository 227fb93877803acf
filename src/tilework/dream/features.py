"""Our own small features for comparing dreams with training images, and the comparison made of them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from tilework.dream.mann_whitney import Features
from tilework.dream.novelty import Novelty, Space, novelty
from tilework.dream.opened import Dreamer
from tilework.errors import TileworkError
from tilework.explore.cloud import cloud, spread
from tilework.explore.components import Components, components
from tilework.explore.map import SIDES
from tilework.explore.opened import Opened, Pixels

COMPARED = 2_000
"""Training and held-out images that are looked at, each."""
DIMENSIONS = 32
PER_CLIP = 16
"""Frames of each generated clip that are looked at: neighbouring frames show the same twice."""


def of_tokens(dreamer: Dreamer, tokens: NDArray[np.int64], most: int = COMPARED) -> Novelty | None:
    """The three-sample test of generated tokens (n, T, Q, h, w) against those that the prior learned from, frame by frame.

    Features are the first 32 principal components of what the decoder sees: all three samples are tokens, so that a copy is at
    distance 0. None where the training images are not there.
    """

    def known() -> tuple[Components, Features, Features] | None:
        try:
            corpus = dreamer.corpus
        except TileworkError:
            return None
        sides = [dreamer.latents(corpus.codes[corpus.side(side, most)]).flatten(1).numpy() for side in SIDES]
        if min(map(len, sides)) < 2:
            return None
        found = components(sides[0], DIMENSIONS)
        return found, found.of(sides[0], len(found.axes)), found.of(sides[1], len(found.axes))

    compared = dreamer.parent.once(f"features of {dreamer.name} {most}", known)
    if compared is None:
        return None
    axes, training, unseen = compared
    frames = tokens[:, spread(tokens.shape[1], PER_CLIP)].reshape(-1, *tokens.shape[2:])
    generated = axes.of(dreamer.latents(frames).flatten(1).numpy(), len(axes.axes))
    return novelty(training, unseen, generated, Space.LATENTS)


def of_images(opened: Opened, images: Pixels, most: int = COMPARED) -> Novelty | None:
    """The same of images (n, H, W, C) of a model without tokens: principal components of pixels.

    Training and held-out images are taken as the model reconstructs them, so that its blur is on all three sides alike. None
    where the images are not there.
    """

    def known() -> tuple[Components, Features, Features] | None:
        if opened.images is None:
            return None
        sides = []
        for side in SIDES:
            found = cloud(opened, side, most)
            latents = found.latents.reshape(-1, *opened.shape)
            sides.append(_flat(opened.decode(torch.from_numpy(latents))))
        if min(map(len, sides)) < 2:
            return None
        axes = components(sides[0], DIMENSIONS)
        return axes, axes.of(sides[0], len(axes.axes)), axes.of(sides[1], len(axes.axes))

    compared = opened.once(f"pixel features {most}", known)
    if compared is None:
        return None
    axes, training, unseen = compared
    return novelty(training, unseen, axes.of(_flat(images), len(axes.axes)), Space.PIXELS)


def _flat(images: Pixels) -> NDArray[np.float32]:
    return (images.reshape(len(images), -1) / np.float32(255)).astype(np.float32)
