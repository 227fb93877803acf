"""Principal components of encoded images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_WHOLE = 1024
"""Up to so many rows or columns every eigenvalue is found; of larger ones only those that are wanted."""


@dataclass(frozen=True, eq=False)
class Components:
    """Of n points, K directions, by falling variance: `mean` (D,), `axes` (K, D) of length 1, their largest entry
    positive; `deviations` (K,) of the points along each; `shares` (K,), its part of all variance. All float64."""

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    deviations: NDArray[np.float64]
    shares: NDArray[np.float64]

    def of(self, points: NDArray[np.float32], count: int) -> NDArray[np.float64]:
        """(n, D) -> (n, count), how far each lies along the first directions; 0 where there are fewer of them."""
        along = (points - self.mean) @ self.axes[:count].T
        return np.pad(along, ((0, 0), (0, count - along.shape[1])))


def components(points: NDArray[np.float32], most: int) -> Components:
    """At most `most` principal components of points (n, D), n > 1: with centred X

        X^T X / (n - 1) = V diag(deviations^2) V^T        axes = the columns of V

    (Jolliffe, Principal Component Analysis, 2002), by the eigenvectors of X^T X or X X^T, whichever is smaller. Directions that
    carry only rounding are left out, but for the first. scikit-learn has the same; importing it takes three seconds, in which a
    page that has just been opened does not follow the hand.
    """
    mean = points.mean(0, dtype=np.float64)
    x = points - mean
    n, dimensions = x.shape
    wide = dimensions > n
    square = x @ x.T if wide else x.T @ x
    values, vectors = _largest(square, min(most, n, dimensions))
    values = np.maximum(values, 0.0)
    kept = max(1, int((values > 1e-12 * max(float(values[0]), 1e-60)).sum()))
    values, vectors = values[:kept], vectors[:, :kept]
    axes = (x.T @ vectors if wide else vectors).T
    length = np.linalg.norm(axes, axis=1, keepdims=True)
    axes = np.divide(axes, length, out=np.eye(*axes.shape), where=length > 0)
    axes *= np.where(axes[np.arange(kept), np.abs(axes).argmax(1)] < 0, -1.0, 1.0)[:, None]
    variance = float(np.trace(square))
    return Components(mean, axes, np.sqrt(values / (n - 1)), values / variance if variance > 0 else 0 * values)


def _largest(square: NDArray[np.float64], count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The `count` largest eigenvalues of a symmetric matrix and their vectors (rows, count), largest first."""
    size = len(square)
    if size <= _WHOLE or 3 * count > size:
        values, vectors = np.linalg.eigh(square)
    else:
        from scipy.sparse.linalg import eigsh  # with a fixed beginning, so that it is the same at every call

        values, vectors = eigsh(square, k=count, v0=np.ones(size))
    order = np.argsort(-values, kind="stable")[:count]
    return values[order], vectors[:, order]
