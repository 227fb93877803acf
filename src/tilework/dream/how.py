"""What was drawn, how, and what is known of it, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tilework.explore.opened import Pixels

if TYPE_CHECKING:
    from tilework.dream.loops import LoopReport
    from tilework.dream.novelty import Novelty
    from tilework.priors.contract import Sampling


class What(Enum):
    """What was dreamed."""

    IMAGES = "images"
    LOOP = "loop"
    CLIP = "clip"
    CONTINUED = "continued"
    BETWEEN = "between"
    MORPH = "morph"
    REPAINTED = "repainted"


class Fact(Enum):
    """What a person should know of how it was made; `values` of a `Note` go with it."""

    KEY_FRAMES = "key frames"
    UNSEEN_LENGTH = "unseen length"
    STOPPED = "stopped"
    START = "start"
    FITTED = "fitted"
    CELLS = "cells"
    WINDOWS = "windows"
    LABELS = "labels"
    POSTERIOR = "posterior"
    HALF_OF_LOOP = "half of loop"
    CROSSFADE = "crossfade"
    ONE_SIDE = "one side"


@dataclass(frozen=True)
class Note:
    """One fact and its values."""

    fact: Fact
    values: tuple[object, ...] = ()


@dataclass(frozen=True)
class How:
    """The settings that made a dream."""

    seed: int
    sampling: Sampling | None = None
    labels: tuple[str | None, ...] = ()
    """Of each item, None = none."""
    fps: float = 30
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, eq=False)
class Dream:
    """n items: `images` (n, T, H, W, C) uint8; `tokens` (n, T, Q, h, w), None of a continuous latent or where frames were
    interpolated between tokens. `novelty` and `loop` compare them with the training images, None where that was not possible."""

    of: str
    what: What
    images: Pixels
    how: How
    tokens: NDArray[np.int64] | None = None
    keys: NDArray[np.int64] | None = None
    """(n, K, Q, h, w): the key frames, where the frames between them were filled in."""
    repainted: NDArray[np.bool_] | None = None
    """(h, w): the cells that were dreamed anew, where only some were."""
    before: Pixels | None = None
    """What there was before it was repainted, (n, T, H, W, C)."""
    novelty: Novelty | None = None
    loop: LoopReport | None = None
    closed: bool = False
    """Its last frame is followed by its first."""
    compared: bool = False
    """It was looked at beside the training images, as far as they are there."""

    @property
    def drawn(self) -> NDArray[np.int64] | None:
        """(n, t, Q, h, w): the tokens that the prior drew, those of key frames where others were filled in."""
        return self.keys if self.keys is not None else self.tokens

    @property
    def moves(self) -> bool:
        """Whether its items have more than one frame."""
        return len(self.images[0]) > 1
