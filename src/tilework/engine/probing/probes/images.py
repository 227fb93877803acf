"""What the training images are like: dark, enlarged from smaller ones, blurred."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tilework.data.media.twins import grey
from tilework.engine.probing import contract
from tilework.engine.probing.contract import LEVELS, Measured, Pixels
from tilework.engine.probing.drawing import laid
from tilework.engine.probing.subject import Subject
from tilework.engine.whereabouts import paths_of

MOST, MOST_PIXELS, FILES = 256, 2**22, 32
DARK = 64
"""Grey levels that the brightest hundredth of a dark image does not come to: a quarter of the range is used."""
TOP, NEXT = 0.08, 0.1
"""Energy of an octave of frequencies over that of the octave below, under which the upper one is as good as empty. Photographs,
emoji and drawings have 0.2 to 1 in the topmost and 0.3 and more in the next. Enlarged twice by a cubic they have 0.06, by a
line 0.05, and 0.3 in the next; four times, 0.01 and 0.05. Blurred by 1 pixel they have 0.03 and 0.25, by 1.5 pixels 0.003 and
0.08; by 2 pixels rounding is all there is in the topmost, and the next has 0.03."""
CONTRAST = 4.0
"""Grey levels of spread that an image must have, to be judged by its frequencies: less is rounding."""
SMALLER = 0.8
"""Pixels of a file's side, of those that it was brought to, below which it was enlarged."""


class Probe(contract.Probe):
    """Up to 256 training images, spread over the split.

    - `images`; `dark`: share whose brightest hundredth is below a quarter; `plain`: share with one colour; `levels`: the
      brightest hundredth of the median image.
    - `judged`: images with contrast. `top`: the energy of their topmost octave of frequencies over that of the next, the median;
      `half`: share that has none there; `soft`: share that has none there, or none in the next.
    - `blocks`: the factor by which images were enlarged without smoothing (each pixel k x k times); 1 = they were not.
    - `files`: how many of their files could be looked at, at most 32; `smaller`: share of these with fewer pixels than the
      images.
    """

    order = 70
    of_images = True

    def measure(self, subject: Subject) -> Measured:
        view = subject.images
        side, each = view.split.train, int(np.prod(view.store.shape[:2]))
        count = max(1, min(MOST, len(side), MOST_PIXELS // each))
        numbers = side[np.unique(np.linspace(0, len(side) - 1, count).round().astype(np.int64))]
        chosen = view.store.gather(numbers)
        luma = grey(chosen)
        flat = luma.reshape(len(luma), -1)
        lively = flat.std(1) >= CONTRAST
        top, below = octaves(luma[lively])
        soft = (top < TOP) | (below < NEXT)
        scales = _scales(subject, numbers[:: max(1, len(numbers) // FILES)][:FILES])
        values = {
            "images": len(luma),
            "dark": float((np.percentile(flat, 99, axis=1) < DARK).mean()),
            "plain": float((flat.std(1) < 0.5).mean()),
            "levels": float(np.median(np.percentile(flat, 99, axis=1))) / LEVELS,
            "judged": int(lively.sum()),
            "top": float(np.median(top)) if len(top) else 0.0,
            "half": float((soft & (below >= NEXT)).mean()) if len(top) else 0.0,
            "soft": float(soft.mean()) if len(top) else 0.0,
            "blocks": block_size(luma[lively]),
            "files": len(scales),
            "smaller": float(np.mean([scale < SMALLER for scale in scales])) if scales else 0.0,
            "scale": float(np.median(scales)) if scales else 1.0,
        }
        return Measured(values, laid([_spread(chosen)]))


def octaves(luma: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Images (n, H, W) -> energy of the topmost octave of frequencies over that of the next (n,), and of that over the one
    below (n,).

    By a cosine transform, so that the jump from one side of an image to the other is not taken for detail. A frequency is as
    high as the higher one of its two directions.
    """
    from scipy.fft import dctn

    power = np.square(dctn(luma.astype(np.float64), axes=(1, 2), norm="ortho")) if len(luma) else np.zeros_like(luma)
    height, width = luma.shape[1:]
    frequency = np.maximum(np.arange(height)[:, None] / height, np.arange(width)[None, :] / width)
    bands = [(frequency >= low) & (frequency < 2 * low) for low in (1 / 2, 1 / 4, 1 / 8)]
    # One squared grey level: an image may have nothing at all in a band.
    energy = [power[:, band].sum(1) + 1.0 for band in bands]
    return energy[0] / energy[1], energy[1] / energy[2]


def block_size(luma: NDArray[np.float32]) -> int:
    """The largest k of 8 to 2 for which nearly all changes of brightness in images (n, H, W) lie on a grid of k pixels in both
    directions; 1 where there is none, or too little to measure."""
    for k in range(8, 1, -1):
        if all(_on_grid(np.abs(np.diff(luma, axis=axis)) > 0.5, axis, k) for axis in (1, 2)):
            return k
    return 1


def _on_grid(changes: NDArray[np.bool_], axis: int, k: int) -> bool:
    counts = changes.sum(axis=tuple(a for a in range(3) if a != axis))
    by_phase = np.array([counts[phase::k].sum() for phase in range(k)])
    return bool(by_phase.sum() >= 64 and by_phase.max() >= 0.99 * by_phase.sum())


def _scales(subject: Subject, numbers: NDArray[np.int64]) -> list[float]:
    """Of the image files that are still where they were: the pixels that each has, of those that it was brought to, on the side
    where these are fewer. Only their headers are read."""
    store, found = subject.images.store, []
    bases = paths_of(subject.spec)
    for number in numbers if bases else ():
        name = store.file_of(int(number))
        for base in bases:
            try:
                place = Path(base)
                with Image.open(place / name if place.is_dir() else place) as image:
                    found.append(max(store.size.width / image.width, store.size.height / image.height) ** -1)
            except (OSError, ValueError, Image.DecompressionBombError):
                continue  # A video, an archive, a file that was moved: nothing is known of its size.
            break
    return found


def _spread(chosen: Pixels) -> Pixels:
    return chosen[np.unique(np.linspace(0, len(chosen) - 1, 8).round().astype(np.int64))]
