"""What the images of a store are like in numbers, and how many codes they can fill."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tilework.data.media.twins import grey
from tilework.data.store.frame_store import FrameStore

_EXAMINED = 20_000
_TOGETHER_BYTES = 2**23
TOKENS_FOR_A_CODE = 50
"""So many tokens in an epoch let a code follow the images; with a tenth of them it starves."""


@dataclass(frozen=True)
class Statistics:
    """Figures over `examined` images, spread evenly over the store; pixel values from 0 to 1."""

    examined: int
    mean: tuple[float, ...]
    """Of each colour channel."""
    spread: tuple[float, ...]
    """Standard deviation of each colour channel over all pixels."""
    entropy: float
    """Bits per pixel of a image's histogram of 256 grey levels, averaged over images: 0 for a plain one, at most 8."""
    constant: float
    """Share of images whose pixels are all the same."""


def statistics(store: FrameStore, most: int = _EXAMINED) -> Statistics:
    """One pass over at most `most` images of a store, some megabytes at a time."""
    chosen = np.unique(np.linspace(0, store.count - 1, min(most, store.count)).round().astype(np.int64))
    total, squares = np.zeros(store.channels), np.zeros(store.channels)
    bits, constant, pixels = 0.0, 0, 0
    step = max(1, _TOGETHER_BYTES // int(np.prod(store.shape)))
    for start in range(0, len(chosen), step):
        frames = store.gather(chosen[start : start + step])
        flat = frames.reshape(-1, store.channels)
        pixels += len(flat)
        # Exact whole numbers: float64 holds them up to 2**53.
        total += flat.sum(0, dtype=np.uint64)
        squares += np.square(flat, dtype=np.uint32).sum(0, dtype=np.uint64)
        constant += int((frames.reshape(len(frames), -1, store.channels).std(axis=1) == 0).all(axis=1).sum())
        levels = np.rint(grey(frames)).astype(np.int64).reshape(len(frames), -1)
        counts = np.bincount((levels + 256 * np.arange(len(levels))[:, None]).ravel(), minlength=256 * len(levels))
        share = counts.reshape(len(levels), 256) / levels.shape[1]
        bits -= float((share * np.log2(np.where(share > 0, share, 1))).sum())
    mean = total / pixels
    spread = np.sqrt(np.maximum(squares / pixels - mean**2, 0))
    return Statistics(
        examined=len(chosen),
        mean=tuple(float(m) / 255 for m in mean),
        spread=tuple(float(s) / 255 for s in spread),
        entropy=bits / len(chosen),
        constant=constant / len(chosen),
    )


@dataclass(frozen=True)
class Supported:
    """What codebook `tokens` tokens an epoch support."""

    tokens: int
    codes: int
    """The largest power of two with at least 50 tokens for each code; at least 2."""
    most: int
    """Beyond this not even five tokens are left for a code."""


def supported_codes(images: int, grid: tuple[int, int]) -> Supported:
    """How many codes a training side of `images` different images supports, each a grid of width x height tokens."""
    tokens = images * grid[0] * grid[1]
    codes = max(2, 2 ** int(np.log2(max(2, tokens // TOKENS_FOR_A_CODE))))
    return Supported(tokens, codes, max(2, tokens // 5))
