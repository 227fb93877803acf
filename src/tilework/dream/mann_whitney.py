"""The Mann-Whitney test of two samples, and what is compared by it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float64]
"""Points (n, D), or one number of each (n,)."""


def mann_whitney_z(first: Features, second: Features) -> float:
    """The Mann-Whitney U statistic of two samples in standard deviations from what chance gives, with the correction for ties;
    negative where the first is smaller."""
    from scipy.stats import mannwhitneyu, rankdata

    m, n = len(first), len(second)
    u = float(mannwhitneyu(first, second, method="asymptotic").statistic)
    _, ties = np.unique(rankdata(np.concatenate([first, second])), return_counts=True)
    total = m + n
    tied = float((ties.astype(np.float64) ** 3 - ties).sum()) / (total * (total - 1))
    variance = m * n / 12 * (total + 1 - tied)
    return (u - m * n / 2) / float(np.sqrt(variance)) if variance > 0 else 0.0
