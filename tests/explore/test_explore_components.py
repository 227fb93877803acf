"""Principal components against those of scikit-learn, of tall, wide, large and flat sets of points."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from tilework.explore.components import components


@pytest.mark.parametrize(
    ("n", "dimensions", "rank"),
    [(300, 12, 12), (40, 500, 39), (2, 7, 1), (1500, 1400, 30), (1200, 3000, 25), (200, 30, 4), (5, 1, 1)],
)
def test_they_are_those_of_another_library(n: int, dimensions: int, rank: int) -> None:
    draw = np.random.default_rng(n)
    scales = 0.8 ** np.arange(rank)
    points = (draw.normal(size=(n, rank)) * scales) @ draw.normal(size=(rank, dimensions)) + draw.normal(
        size=dimensions
    )
    points = points.astype(np.float32)
    found = components(points, 10)
    other = PCA(min(10, n, dimensions), svd_solver="full").fit(points.astype(np.float64))
    count = len(found.deviations)
    assert count >= min(10, rank, n - 1)
    assert np.allclose(found.mean, other.mean_)
    assert np.allclose(found.deviations, np.sqrt(other.explained_variance_[:count]), rtol=1e-5, atol=1e-6)
    assert np.allclose(found.shares, other.explained_variance_ratio_[:count], atol=1e-6)
    large = found.shares > 1e-6
    cosines = np.abs((found.axes * other.components_[:count]).sum(1))
    assert np.allclose(cosines[large], 1, atol=1e-5)
    assert np.allclose(np.linalg.norm(found.axes, axis=1), 1)
    assert (found.axes[np.arange(count), np.abs(found.axes).argmax(1)] > 0).all()
    along = found.of(points, 2)
    expected = other.transform(points)[:, :2]
    assert along.shape == (n, 2)
    assert np.allclose(np.abs(along[:, : expected.shape[1]]), np.abs(expected), atol=1e-3)
    again = components(points, 10)
    assert np.array_equal(again.axes, found.axes)


def test_points_that_are_all_the_same_have_a_direction_without_length() -> None:
    found = components(np.full((6, 4), 0.5, np.float32), 3)
    assert found.axes.shape == (1, 4)
    assert (found.deviations.tolist(), found.shares.tolist()) == ([0.0], [0.0])
    assert np.isfinite(found.of(np.full((6, 4), 0.5, np.float32), 2)).all()
