"""Near twins: images so alike that having seen the one gives the other away."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

TWIN_BITS = 4
TWIN_DIFFERENCE = 0.05
THUMB = 16
_FLAT_LEVELS = 2.0
_PAIRS = 2**15
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def grey(frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, H, W, C) uint8 -> (N, H, W) float32 luma in 0..255."""
    if frames.shape[3] == 1:
        return frames[..., 0].astype(np.float32)
    luma: NDArray[np.float32] = frames.astype(np.float32) @ _LUMA
    return luma


def difference_hash(luma: NDArray[np.float32]) -> NDArray[np.uint64]:
    """dHash of images (N, H, W) -> (N,) uint64.

    Each image is averaged by area to 9 x 8 cells; bit 8 r + c is set where the cell right of (r, c) is brighter by more
    than half a grey level. The margin (the plain dHash has none) keeps flat areas at 0 instead of at rounding noise.
    """
    return _brighter_to_the_right(_area_mean(luma.shape[1], 8) @ luma @ _area_mean(luma.shape[2], 9).T)


def thumbnails(luma: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Images (N, H, W) averaged by area to (N, 16, 16) uint8."""
    return _levels(_area_mean(luma.shape[1], THUMB) @ luma @ _area_mean(luma.shape[2], THUMB).T)


def look(frames: NDArray[np.uint8]) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    """Both at once for many images (N, H, W, C): their dHash (N,) and thumbnails (N, 16, 16).

    Means by area and luma are linear: reduced first, an image is small before its colours are weighed, several times quicker.
    """
    count, height, width, channels = frames.shape
    rows = np.concatenate([_area_mean(height, 8), _area_mean(height, THUMB)])
    columns = np.concatenate([_area_mean(width, 9), _area_mean(width, THUMB)])
    flat = frames.reshape(count, height, width * channels).astype(np.float32)
    low = (rows @ flat).reshape(count, len(rows), width, channels)
    luma: NDArray[np.float32] = low[..., 0] if channels == 1 else low @ _LUMA
    small: NDArray[np.float32] = luma @ columns.T
    hashes = _brighter_to_the_right(small[:, :8, :9])
    return hashes, _levels(small[:, 8:, 9:])


def _brighter_to_the_right(cells: NDArray[np.floating[Any]]) -> NDArray[np.uint64]:
    bits = cells[:, :, 1:] > cells[:, :, :-1] + 0.5
    packed = np.packbits(bits.reshape(len(cells), 64), axis=1, bitorder="little")
    hashes: NDArray[np.uint64] = packed.view("<u8")[:, 0].astype(np.uint64)
    return hashes


def _levels(small: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.rint(small).clip(0, 255).astype(np.uint8))


def _area_mean(pixels: int, cells: int) -> NDArray[np.float32]:
    """(cells, pixels) matrix whose row k averages the k-th of `cells` equal stretches, with fractions at its ends."""
    edges = np.linspace(0, pixels, cells + 1)
    left = np.arange(pixels)
    cover = np.minimum(edges[1:, None], left + 1) - np.maximum(edges[:-1, None], left)
    weights: NDArray[np.float32] = (np.clip(cover, 0, None) * (cells / pixels)).astype(np.float32)
    return weights


def twin_bound(thumbs: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Largest sum of squared differences, in grey levels, between each thumbnail (N, 16, 16) and that of a twin of it."""
    flat = thumbs.reshape(len(thumbs), -1)
    spread: NDArray[np.float64] = flat.var(axis=1, dtype=np.float64)
    return np.maximum(TWIN_DIFFERENCE * spread, _FLAT_LEVELS**2) * flat.shape[1]


def near(
    thumbs: NDArray[np.uint8],
    among: NDArray[np.uint8],
    bound: NDArray[np.float64],
    pairs: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> NDArray[np.bool_]:
    """Which pairs (position in `thumbs`, position in `among`) differ in their thumbnails by at most `bound` (one a pair)."""
    one, other = pairs
    close = np.zeros(len(one), dtype=bool)
    # The difference of two means is cheap, and its square never above the mean of squared differences.
    cells = THUMB * THUMB
    means, among_means = thumbs.reshape(-1, cells).mean(1), among.reshape(-1, cells).mean(1)
    left = np.flatnonzero((means[one] - among_means[other]) ** 2 * cells <= bound * (1 + 1e-9) + 1e-6)
    for start in range(0, len(left), _PAIRS):
        part = left[start : start + _PAIRS]
        gap = thumbs[one[part]].reshape(-1, cells).astype(np.int32) - among[other[part]].reshape(-1, cells)
        close[part] = np.einsum("nc,nc->n", gap, gap) <= bound[part]
    return close


def has_twin(
    hashes: NDArray[np.uint64],
    thumbs: NDArray[np.uint8],
    among_hashes: NDArray[np.uint64],
    among_thumbs: NDArray[np.uint8],
    chunk: int = 256,
) -> NDArray[np.bool_]:
    """Which of V images have a near twin among T others: (V,) bool; memory is chunk x T float32.

    A twin's dHash differs in at most 4 of 64 bits, and its 16 x 16 thumbnail differs (mean square) by at most 5 % of the
    image's own variance. The hash alone is not enough: most handwritten digits lie within 4 bits of another one.
    """
    # With bits as +1 and -1, a dot product of two hashes is 64 - 2 x their distance, exactly.
    signs = _signs(among_hashes).T
    bound = twin_bound(thumbs)
    found = np.zeros(len(hashes), dtype=bool)
    for start in range(0, len(hashes), chunk):
        one, other = np.nonzero(_signs(hashes[start : start + chunk]) @ signs >= 64 - 2 * TWIN_BITS)
        one += start
        found[one[near(thumbs, among_thumbs, bound[one], (one, other))]] = True
    return found


def _signs(hashes: NDArray[np.uint64]) -> NDArray[np.float32]:
    bits = np.unpackbits(hashes.astype("<u8").view(np.uint8).reshape(len(hashes), 8), axis=1)
    return bits.astype(np.float32) * 2 - 1
