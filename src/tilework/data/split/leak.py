"""How much the training side of a split gives away of the held-out side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tilework.data.media.twins import has_twin
from tilework.data.store.frame_store import FrameStore

NEIGHBOUR_FRAMES = 2
_SAMPLE = 5_000

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class LeakReport:
    """How much of the validation side the training side has seen, as shares of the `examined` validation images."""

    examined: int
    neighbours: float
    """Share with a training image of the same group at most 2 frames away."""
    twins: float
    """Share with a near twin in training: the same image but for a small shift or change (see `tilework.data.media.twins`)."""
    identical: float = 0.0
    """Share that is in training pixel for pixel."""

    def counts(self) -> dict[str, int]:
        """The same as numbers of validation images, by name, with how many were examined."""
        shares = {"identical": self.identical, "near_twins": self.twins, "neighbours": self.neighbours}
        return {"examined": self.examined, **{name: round(share * self.examined) for name, share in shares.items()}}

    def __str__(self) -> str:
        """What there is of it, for example "of 180 held-out images, 12% closely resemble a training image"."""
        found = []
        if self.neighbours > 0:
            found.append(f"{self.neighbours:.0%} are within {NEIGHBOUR_FRAMES} frames of a training image")
        if self.twins > 0 or not found:
            found.append(f"{self.twins:.0%} closely resemble a training image")
        return f"of {self.examined:,} held-out images, {' and '.join(found)}"


def measure_leak(store: FrameStore, train: Indices, validation: Indices, seed: int = 0) -> LeakReport:
    """How many validation images have a neighbour or a near twin in training; at most 5,000 of them are examined."""
    if len(validation) > _SAMPLE:
        validation = np.sort(np.random.default_rng([seed, 1]).choice(validation, _SAMPLE, replace=False))
    near = np.zeros(len(validation), dtype=bool)
    # One number per (group, frame): groups lie further apart than any neighbour reaches.
    low = int(store.frames.min())
    stride = int(store.frames.max()) - low + 2 * NEIGHBOUR_FRAMES + 1
    place = store.groups * stride + (store.frames - low)
    trained = np.unique(place[train])
    for delta in range(-NEIGHBOUR_FRAMES, NEIGHBOUR_FRAMES + 1):
        near |= np.isin(place[validation] + delta, trained, assume_unique=False)
    twins = has_twin(store.hashes[validation], store.thumbs[validation], store.hashes[train], store.thumbs[train])
    same = np.isin(store.pixel_hashes[validation], store.pixel_hashes[train])
    return LeakReport(len(validation), float(near.mean()), float(twins.mean()), float(same.mean()))
