"""Perceptual hashes: one 64-bit number per picture that near twins share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def difference_hash(frames: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """dHash of pictures (N, H, W, C) uint8 -> (N,) uint64.

    Each picture is averaged by area to 9 x 8 grey cells; bit 8 r + c is set where the cell right of (r, c) is brighter by
    more than half a grey level. The margin (the plain dHash has none) keeps flat areas at 0 instead of at rounding noise.
    """
    grey = frames[..., 0].astype(np.float32) if frames.shape[3] == 1 else frames.astype(np.float32) @ _LUMA
    cells = _area_mean(frames.shape[1], 8) @ grey @ _area_mean(frames.shape[2], 9).T
    bits = cells[:, :, 1:] > cells[:, :, :-1] + 0.5
    packed = np.packbits(bits.reshape(len(frames), 64), axis=1, bitorder="little")
    hashes: NDArray[np.uint64] = packed.view("<u8")[:, 0].astype(np.uint64)
    return hashes


def _area_mean(pixels: int, cells: int) -> NDArray[np.float32]:
    """(cells, pixels) matrix whose row k averages the k-th of `cells` equal stretches, with fractions at its ends."""
    edges = np.linspace(0, pixels, cells + 1)
    left = np.arange(pixels)
    cover = np.minimum(edges[1:, None], left + 1) - np.maximum(edges[:-1, None], left)
    weights: NDArray[np.float32] = (np.clip(cover, 0, None) * (cells / pixels)).astype(np.float32)
    return weights


def nearest_distance(queries: NDArray[np.uint64], among: NDArray[np.uint64], chunk: int = 512) -> NDArray[np.int64]:
    """Hamming distance from each of `queries` (V,) to the nearest of `among` (T,); memory is chunk x T float32.

    With bits as +1 and -1, a dot product of two hashes is 64 - 2 x their Hamming distance: one matrix product per chunk.
    """
    signs = _signs(np.unique(among)).T
    nearest = np.empty(len(queries), dtype=np.int64)
    for start in range(0, len(queries), chunk):
        best = (_signs(queries[start : start + chunk]) @ signs).max(axis=1)
        nearest[start : start + chunk] = np.rint((64 - best) / 2).astype(np.int64)
    return nearest


def _signs(hashes: NDArray[np.uint64]) -> NDArray[np.float32]:
    bits = np.unpackbits(hashes.astype("<u8").view(np.uint8).reshape(len(hashes), 8), axis=1)
    return bits.astype(np.float32) * 2 - 1
