"""Where the images of a run lie in its latent space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tilework.explore.opened import Opened, Side

MOST_NUMBERS = 32_000_000
"""Numbers of all latents together that are kept (128 MB); of large latents fewer images are encoded."""
_AT_ONCE = 1024


@dataclass(frozen=True)
class Cloud:
    """Encoded images of one side, evenly spread over it: `latents` (n, D*h*w) float32, `numbers` (n,) within the side."""

    side: Side
    numbers: NDArray[np.int64]
    latents: NDArray[np.float32]
    deviations: NDArray[np.float32] | None
    """Of a Gaussian latent the standard deviation of each (n, D*h*w)."""


def cloud(opened: Opened, side: Side, most: int, *, deviations: bool = False) -> Cloud:
    """Encode at most `most` images of a side; kept while the model is open. Raises UserError where the images are not there."""
    images = opened.need_images("this")

    def make() -> Cloud:
        count = min(most, MOST_NUMBERS // max(1, opened.dimensions))
        numbers = spread(len(images.side(side)), max(2, count))
        means, spreads = np.empty((len(numbers), opened.dimensions), np.float32), []
        for start in range(0, len(numbers), _AT_ONCE):
            chosen = numbers[start : start + _AT_ONCE]
            opened.between()
            mean, deviation = opened.encode(images.pixels(side, chosen))
            means[start : start + len(chosen)] = mean.flatten(1).numpy()
            if deviations and deviation is not None:
                spreads.append(deviation.flatten(1).numpy())
        return Cloud(side, numbers, means, np.concatenate(spreads) if spreads else None)

    return opened.once(f"cloud {side} {most} {deviations}", make)


def spread(count: int, most: int) -> NDArray[np.int64]:
    """At most `most` of the numbers 0..count-1, evenly spread, the first and the last among them."""
    return np.linspace(0, count - 1, min(most, count)).round().astype(np.int64)
