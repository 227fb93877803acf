"""Whether generated points are near training points because they are plain, and not because they are copies.

The mean of all images is near every image, and so is a smooth or empty one: a model that has not learned detail yet gives points
near the centre, and their distances to the training points are small without any copy. What distance is usual at which radius is
learned from unseen points, by a straight line through (log radius, log distance), and the test is repeated on how far each point
lies off that line. A copy lies far below it at any radius; a plain image lies on it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tilework.dream.mann_whitney import Features, mann_whitney_z

ENOUGH = 16
"""Unseen points below which no line is drawn."""


@dataclass(frozen=True)
class Plainness:
    """How much plainer generated points are than unseen ones, and the test without that."""

    radius_z: float
    """Mann-Whitney of the distances from the centre of the training points: far below 0 where generated points are plainer."""
    z: float
    """The three-sample test on distances beside those that are usual at that radius."""


def plainness(
    training: Features, unseen: Features, generated: Features, to_unseen: Features, to_generated: Features
) -> Plainness | None:
    """Of points (n, D) and their distances (n,) to the nearest training point; None where too few unseen points lie apart from
    the training points to show what is usual."""
    centre = training.mean(0)
    of_unseen, of_generated = (np.linalg.norm(points - centre, axis=1) for points in (unseen, generated))
    apart = (to_unseen > 0) & (of_unseen > 0)
    if apart.sum() < ENOUGH or np.ptp(np.log(of_unseen[apart])) == 0:
        return None
    slope, offset = np.polyfit(np.log(of_unseen[apart]), np.log(to_unseen[apart]), 1)

    def off_the_line(radii: Features, distances: Features) -> Features:
        # A point on a training point, or at the centre, has no logarithm: the smallest number stands for it.
        least = np.finfo(np.float64).tiny
        found: Features = np.log(np.maximum(distances, least)) - (slope * np.log(np.maximum(radii, least)) + offset)
        return found

    return Plainness(
        mann_whitney_z(of_generated, of_unseen),
        mann_whitney_z(off_the_line(of_generated, to_generated), off_the_line(of_unseen, to_unseen)),
    )
