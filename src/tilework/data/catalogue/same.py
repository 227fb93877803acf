"""Whether a source still gives the images that a frame store holds: read again and compared, one by one."""

from __future__ import annotations

import numpy as np

from tilework.data.contract import Item, SourceConfig
from tilework.data.media.fit import fit_image
from tilework.data.store.frame_store import FrameStore


def gives_the_same(source: SourceConfig, store: FrameStore) -> bool:
    """Whether every image comes out as it is stored, with the same group, label and side of the split; stops at the first that
    does not. Costs what preparing costs, but for the disk. Raises UserError for input that cannot be used."""
    source = source.model_copy()
    padding, number = source.padding(), 0
    for item in source.items():
        if number == store.count or not _known_alike(item, store, number):
            return False
        name = item.file or f"{item.group} frame {item.frame}"
        image = fit_image(item.pixels, source.size, source.channels, source.fit, padding=padding, name=name)
        if not np.array_equal(image, store.gather(np.array([number]))[0]):
            return False
        number += 1
    return number == store.count


def _known_alike(item: Item, store: FrameStore, number: int) -> bool:
    label = int(store.labels[number])
    return (
        store.group_names[store.groups[number]],
        None if label < 0 else store.classes[label],
        int(store.frames[number]),
        int(store.held_out[number]),
    ) == (item.group, item.label, item.frame, -1 if item.held_out is None else int(item.held_out))
