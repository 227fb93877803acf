"""A contact sheet of what was looked at, each image as it will be trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tilework.data.media.fit import fit_image
from tilework.suggest.proposal import Choices

COLUMNS, ROWS = 12, 4
_SIDE = 96
"""Pixels of an image on the sheet, about."""


def shape(images: int) -> tuple[int, int]:
    """(columns, rows) for so many images: as many as fit into full rows."""
    rows = min(ROWS, -(-images // COLUMNS))
    return min(COLUMNS, images // rows), rows


def sheet(images: Sequence[NDArray[np.uint8]], choices: Choices) -> Image.Image | None:
    """At most four rows of twelve, all of them full, without gaps; None where nothing was drawn yet."""
    if not images:
        return None
    columns, rows = shape(len(images))
    places = np.unique(np.linspace(0, len(images) - 1, columns * rows).round().astype(int))
    channels = cast(Literal[1, 3], choices.channels)
    scale = max(1, round(_SIDE / max(choices.size)))
    wide, high = choices.size.width * scale, choices.size.height * scale
    whole = Image.new("L" if channels == 1 else "RGB", (columns * wide, rows * high))
    for number, place in enumerate(places.tolist()):
        pixels = fit_image(images[place], choices.size, channels)
        tile = Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels).resize(
            (wide, high), Image.Resampling.NEAREST
        )
        whole.paste(tile, (number % columns * wide, number // columns * high))
    return whole
