"""Whether what was generated is copied: the data-copying test of Meehan, Chaudhuri and Dasgupta (arXiv 2004.05675).

Three samples of one space of features: T training, P held out, Q generated. With d(x) the distance from x to the nearest point
of T, the Mann-Whitney statistic of d(Q) against d(P) in standard deviations

    z = (U - m n / 2) / sqrt(m n (m + n + 1) / 12)        U = pairs (q, p) with d(q) > d(p), a tie counts one half

(with the correction for ties) is far below 0 where generated points lie closer to the training points than unseen ones do. A
model that copies in some places and is far off in others hides that from one number (arXiv 2302.13181), so z is also found in
each cell of a k-means partition of T. Plain images are near every image: where that explains a small distance, no copy is claimed
(`tilework.dream.plainness`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from tilework.dream.mann_whitney import Features, mann_whitney_z
from tilework.dream.plainness import Plainness, plainness

FEW = 3
"""Generated or held-out points below which nothing is reported."""
_SIGNIFICANT = 3.0
"""Standard deviations beyond which a difference is called one."""
_IN_CELL, _MOST_CELLS = 6, 10
_FEW_FOR_DIVERSITY = 32
"""Balls around fewer points are so large that they hold everything."""


class Verdict(Enum):
    """What the test shows."""

    COPIES = "copies"
    """Closer to training images than unseen images are."""
    COPIES_IN_PLACES = "copies in places"
    """Not over all, but in some of the cells."""
    PLAIN = "plain"
    """Closer to training images, and as much plainer as explains it."""
    AS_UNSEEN = "as unseen"
    """About as far from training images as unseen images are."""
    FARTHER = "farther"
    """Farther from training images than unseen images are."""
    TOO_FEW = "too few"
    """Too few points to show anything."""


class Space(Enum):
    """Where distances are measured."""

    LATENTS = "latents"
    """Principal components of what the decoder sees for the tokens of an image."""
    PIXELS = "pixels"
    """Principal components of the pixels that the decoder makes of an image."""


@dataclass(frozen=True)
class Cell:
    """One cell of the partition: how many points of each kind lie in it, z, and a training point near its centre."""

    z: float
    generated: int
    unseen: int
    centre: int
    """Position in T of the training point nearest to the centre."""


@dataclass(frozen=True)
class Novelty:
    """What the test found. `ratio` is the median of d(Q) over that of d(P); `exact` the generated points at distance 0;
    `precision` and `recall` as `diversity` gives them, None where there were too few points."""

    verdict: Verdict
    space: Space
    z: float
    ratio: float
    exact: int
    counts: tuple[int, int, int]
    """Training, held-out and generated points."""
    cells: tuple[Cell, ...]
    copied_cells: tuple[int, ...]
    """Numbers of the cells in which points are copied."""
    diversity: tuple[float, float] | None
    """Precision and recall."""
    plainness: Plainness | None = None
    """The test without what plain points explain; None where there were too few points."""


def novelty(training: Features, unseen: Features, generated: Features, space: Space, seed: int = 0) -> Novelty:
    """The three-sample test on points (n, D) each, overall and in each cell. The same input gives the same result."""
    from scipy.stats import norm

    counts = len(training), len(unseen), len(generated)
    if min(counts) < FEW:
        return Novelty(Verdict.TOO_FEW, space, 0.0, 1.0, 0, counts, (), (), None)
    to_unseen, to_generated = nearest(unseen, training)[0], nearest(generated, training)[0]
    z = mann_whitney_z(to_generated, to_unseen)
    plain = plainness(training, unseen, generated, to_unseen, to_generated)
    ratio = float(np.median(to_generated) / max(float(np.median(to_unseen)), 1e-12))
    exact = int((to_generated <= 1e-9 * max(1.0, float(np.abs(training).max()))).sum())
    if z < -_SIGNIFICANT and not exact and _explains(plain):
        found = diversity(unseen, generated)
        return Novelty(Verdict.PLAIN, space, z, ratio, exact, counts, (), (), found, plain)
    cells = _cells(training, unseen, generated, to_unseen, to_generated, seed)
    # As strict for the smallest of several as for one alone.
    bound = float(norm.ppf(norm.cdf(-_SIGNIFICANT) / max(1, len(cells))))
    copied = tuple(number for number, cell in enumerate(cells) if cell.z < bound)
    verdict = (
        Verdict.COPIES
        if z < -_SIGNIFICANT
        else Verdict.COPIES_IN_PLACES
        if copied
        else Verdict.FARTHER
        if z > _SIGNIFICANT
        else Verdict.AS_UNSEEN
    )
    return Novelty(verdict, space, z, ratio, exact, counts, cells, copied, diversity(unseen, generated), plain)


def _explains(plain: Plainness | None) -> bool:
    """Whether generated points are plainer, and no nearer to training points than is usual for points as plain."""
    return plain is not None and plain.radius_z < -_SIGNIFICANT and plain.z >= -_SIGNIFICANT


def nearest(points: Features, among: Features) -> tuple[Features, NDArray[np.int64]]:
    """For each of points (n, D) the Euclidean distance to the nearest of `among` (m, D), and which that is."""
    from sklearn.neighbors import NearestNeighbors

    distances, numbers = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(among).kneighbors(points)
    return _rounded(distances[:, 0], among), numbers[:, 0].astype(np.int64)


def diversity(real: Features, generated: Features, k: int = 3) -> tuple[float, float] | None:
    """Precision and recall of generated points (arXiv 1904.06991): the share of generated points within the k-nearest-neighbour
    balls of real ones, and of real points within those of generated ones. None for fewer than 32 points of either."""
    if min(len(real), len(generated)) < _FEW_FOR_DIVERSITY:
        return None
    return _covered(generated, real, k), _covered(real, generated, k)


def _covered(points: Features, among: Features, k: int) -> float:
    from sklearn.metrics import pairwise_distances
    from sklearn.neighbors import NearestNeighbors

    radii = NearestNeighbors(n_neighbors=k).fit(among).kneighbors()[0][:, -1]
    inside = pairwise_distances(points, among) <= radii[None]
    return float(inside.any(1).mean())


def _cells(
    training: Features, unseen: Features, generated: Features, to_unseen: Features, to_generated: Features, seed: int
) -> tuple[Cell, ...]:
    """k-means cells of the training points with enough points of both kinds in them; () where there would be one alone."""
    from sklearn.cluster import KMeans

    count = min(_MOST_CELLS, min(len(unseen), len(generated)) // (2 * _IN_CELL), len(np.unique(training, axis=0)))
    if count < 2:
        return ()
    means = KMeans(count, n_init=3, random_state=seed).fit(training)
    of_unseen, of_generated = means.predict(unseen), means.predict(generated)
    centres = nearest(means.cluster_centers_, training)[1]
    found = []
    for number in range(count):
        p, q = of_unseen == number, of_generated == number
        if min(p.sum(), q.sum()) >= _IN_CELL:
            z = mann_whitney_z(to_generated[q], to_unseen[p])
            found.append(Cell(z, int(q.sum()), int(p.sum()), int(centres[number])))
    return tuple(found)


def _rounded(distances: Features, among: Features) -> Features:
    """Distances by matrix products are not exactly 0 for a copy: what is only rounding becomes 0, so that copies are ties."""
    scale = float(np.sqrt(np.square(among).sum(1).max(initial=0.0)))
    found: Features = np.where(distances < 1e-6 * scale, 0.0, distances)
    return found
