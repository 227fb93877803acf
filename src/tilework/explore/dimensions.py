"""Which dimensions of a latent carry something, over the validation images."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from tilework.errors import UserError
from tilework.explore.cloud import cloud
from tilework.explore.opened import Opened
from tilework.metrics import ACTIVE

ENCODED = 2_000
"""Validation images that are looked at."""
_ROWS = 40


@dataclass(frozen=True, eq=False)
class Statistics:
    """One number for each of the D*h*w dimensions of a latent, over `images` validation images.

    - `kl` (nats): mean KL divergence of the posterior from the prior; None of a latent that is not Gaussian.
    - `mean`, `deviation`: of the latents; of a Gaussian, of their means. `sigma`: the mean of the posterior's deviation, or None.
    - `active`: which dimensions carry something to the decoder: a KL above 0.01 nats, or else a variance above a
      hundredth of the largest one.
    - `order`: the dimensions, those that carry most first.
    """

    kl: NDArray[np.float64] | None
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    sigma: NDArray[np.float64] | None
    active: NDArray[np.bool_]
    order: NDArray[np.int64]
    images: int

    def _repr_html_(self) -> str:
        heads = ["dimension", *(["KL (nats)"] if self.kl is not None else []), "mean", "deviation"]
        rows = []
        for number in self.order[:_ROWS].tolist():
            cells = [f"{number}", *([f"{self.kl[number]:.3f}"] if self.kl is not None else [])]
            cells += [f"{self.mean[number]:.3f}", f"{self.deviation[number]:.3f}"]
            weight = "" if self.active[number] else ' style="opacity:.5"'
            rows.append(f"<tr{weight}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
        more = len(self.order) - _ROWS
        rest = f"<p>and {more:,} more</p>" if more > 0 else ""
        return f"<table><tr>{''.join(f'<th>{escape(head)}</th>' for head in heads)}</tr>{''.join(rows)}</table>{rest}"


def statistics(opened: Opened) -> Statistics:
    """What each dimension carries, over at most 2,000 validation images; of a Gaussian latent with mean mu and deviation sigma

        KL_d = mean over images of (mu_d^2 + sigma_d^2 - 1 - log sigma_d^2) / 2        (nats)

    (appendix B of arXiv 1312.6114). Kept while the model is open. Raises UserError where the images are not there.
    """

    def make() -> Statistics:
        found = cloud(opened, "validation", ENCODED, deviations=True)
        mu = found.latents.astype(np.float64)
        mean, variance = mu.mean(0), mu.var(0)
        if found.deviations is None:
            kl = sigma = None
            carried, active = variance, variance > ACTIVE * variance.max(initial=0.0)
        else:
            kl = kl_terms(found.latents, found.deviations).mean(0)
            carried, active, sigma = kl, kl > ACTIVE, found.deviations.astype(np.float64).mean(0)
        order = np.argsort(-carried, kind="stable")
        return Statistics(kl, mean, np.sqrt(variance), sigma, active, order, len(mu))

    return opened.once("statistics", make)


def kl_terms(mean: NDArray[np.float32], sigma: NDArray[np.float32]) -> NDArray[np.float64]:
    """(mu^2 + sigma^2 - 1 - log sigma^2) / 2 of each number, float64 of the same shape: KL(N(mu, sigma^2) | N(0, 1)) in nats."""
    square = sigma.astype(np.float64) ** 2
    terms: NDArray[np.float64] = 0.5 * (mean.astype(np.float64) ** 2 + square - 1 - np.log(square))
    return terms


def most_active(opened: Opened, count: int) -> list[int]:
    """The dimensions that carry most, at most `count`; the first ones where the images are not there to measure
    them."""
    if opened.images is None:
        return list(range(min(count, opened.dimensions)))
    found = statistics(opened)
    active = [d for d in found.order.tolist() if found.active[d]]
    return active[:count] or found.order[:count].tolist()


def usual_range(opened: Opened, dimension: int) -> tuple[float, float]:
    """From where to where a dimension is worth moving: -3..3 of a Gaussian latent, else three deviations around the mean of the
    validation images (-3..3 where they are not there)."""
    if opened.images is None or statistics(opened).kl is not None:
        return -3.0, 3.0
    found = statistics(opened)
    middle, reach = float(found.mean[dimension]), 3 * max(float(found.deviation[dimension]), 1e-3)
    return middle - reach, middle + reach


def checked_dimension(opened: Opened, dimension: int) -> int:
    """A dimension of the latent. Raises UserError for one that it does not have."""
    if not 0 <= dimension < opened.dimensions:
        raise UserError(
            f"there is no dimension {dimension}",
            why=f"the latent of {opened.name} has {opened.dimensions:,}, numbered from 0 to {opened.dimensions - 1:,}",
            fix=f"write a dimension up to {opened.dimensions - 1}",
        )
    return dimension
