"""A stable view of points with more than two dimensions: their first two principal components, followed over time."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


class Plane:
    """Points (n, D) -> (n, 2). Two dimensions are drawn as they are, one gets a second of zeros.

    The basis follows the two leading eigenvectors of the covariance by subspace iteration from where it was, and is turned within
    its plane towards where it was (orthogonal Procrustes), so that an image of it moves only where the points do.
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.kind: Literal["plane", "pca"] = "plane" if dim <= 2 else "pca"
        self.mean = np.zeros(dim, np.float32)
        self.basis: Array | None = np.eye(dim, 2, dtype=np.float32) if dim <= 2 else None
        self.variance: tuple[float, float] | None = None
        """Share of the points' variance along each axis; None where nothing is left out."""

    def follow(self, points: Array) -> None:
        """Move the view after these points (n, D). It stays where they are infinite, or too large to be squared."""
        if self.dim <= 2:
            return
        points = points[np.isfinite(points).all(1)]
        if len(points) < 3:
            return
        with np.errstate(over="ignore", invalid="ignore"):
            self._follow(points)

    def _follow(self, points: Array) -> None:
        mean = points.mean(0)
        centred = points - mean
        try:
            basis = self._leading(centred)
        except np.linalg.LinAlgError:
            return
        if not np.isfinite(basis).all():
            return
        total = float(np.square(centred).sum())
        along = np.square(centred @ basis).sum(0)
        self.mean, self.basis = mean.astype(np.float32), basis.astype(np.float32)
        self.variance = (float(along[0]) / total, float(along[1]) / total) if total > 0 else (0.0, 0.0)

    def _leading(self, centred: Array) -> Array:
        """The two leading directions of (n, D), (D, 2)."""
        before = self.basis
        if before is None:
            # Exact the first time: every later one begins near its answer.
            _, _, rows = np.linalg.svd(centred, full_matrices=False)
            basis = np.zeros((self.dim, 2), np.float32)
            basis[:, : min(2, len(rows))] = rows[:2].T
            return basis
        basis = before
        for _ in range(4):
            basis = np.linalg.qr(centred.T @ (centred @ basis))[0]
        left, _, right = np.linalg.svd(basis.T @ before)
        turned: Array = basis @ (left @ right)
        return turned

    def project(self, points: Array, *, offsets: bool = False) -> Array:
        """(..., D) -> (..., 2) float32; `offsets` are differences, whose origin stays the origin."""
        basis = self.basis if self.basis is not None else np.eye(self.dim, 2, dtype=np.float32)
        moved = points if offsets or self.dim <= 2 else points - self.mean
        return np.ascontiguousarray(moved @ basis, dtype=np.float32)
