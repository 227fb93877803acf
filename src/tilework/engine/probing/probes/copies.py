"""Images that are there more than once."""

from __future__ import annotations

import numpy as np

from tilework.data import FrameStore
from tilework.engine.probing import contract
from tilework.engine.probing.contract import Measured
from tilework.engine.probing.drawing import laid
from tilework.engine.probing.subject import Subject

MOST = 200_000
"""Images up to which all of them are compared; of more, so many."""


class Probe(contract.Probe):
    """Exact copies among the images of a run, on both sides of the split.

    - `images`; `copies`: share that has the same pixels as an earlier one; `across`: of another clip or animation (where
      there are no clips: the same as `copies`); `most`: how often the most frequent image is there.
    """

    order = 75
    of_images = True

    def measure(self, subject: Subject) -> Measured:
        view = subject.images
        store = view.store
        chosen = np.sort(np.concatenate([view.split.train, view.split.validation]))[:MOST]
        # 64 bits of hash are enough for a share.
        _, where, inverse = np.unique(store.pixel_hashes[chosen], return_index=True, return_inverse=True)
        first = chosen[where[inverse.reshape(-1)]]
        again = first != chosen
        # Within a clip, frames repeat wherever nothing moves.
        apart = again & ((store.groups[first] != store.groups[chosen]) | (not has_clips(store)))
        values = {
            "images": len(chosen),
            "copies": float(again.mean()),
            "across": float(apart.mean()),
            "most": int(np.unique(first, return_counts=True)[1].max()),
        }
        pairs = np.flatnonzero(apart)[:8]
        image = laid([store.gather(first[pairs]), store.gather(chosen[pairs])]) if len(pairs) else None
        return Measured(values, image)


def has_clips(store: FrameStore) -> bool:
    """Whether groups are clips or animations, and not single images or classes."""
    count = len(np.unique(store.groups))
    classes = bool((store.labels >= 0).all()) and len(np.unique(store.labels)) == count
    return store.groups_suffice or not (count in {1, store.count} or classes)
