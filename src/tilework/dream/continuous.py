"""Dreams of a model with a continuous latent: what a VAE has instead of a prior over tokens.

normal      z ~ N(0, I)
aggregate   z ~ (1/N) sum of q(z | x_n): a training image is chosen, and its posterior drawn from (arXiv 1711.02255)
mixture     z ~ a Gaussian mixture fitted to the training images' posteriors (arXiv 1903.12436), by scikit-learn
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from tilework.dream.drawing import refuse_count
from tilework.dream.features import of_images
from tilework.dream.how import Fact, How, Note, What
from tilework.dream.made import Dreamed
from tilework.errors import UserError
from tilework.explore.cloud import cloud
from tilework.explore.opened import Opened
from tilework.explore.sampling import title_of

Latents = Literal["normal", "aggregate", "mixture"]
KINDS: tuple[Latents, ...] = ("normal", "aggregate", "mixture")
FITTED = 5_000
"""Training images that a mixture is fitted to."""
COMPONENTS = 20
_FULL = 64
"""Dimensions up to which the components of a mixture have full covariances."""


def from_latents(
    opened: Opened, count: int = 16, kind: Latents = "normal", seed: int = 0, *, compare: bool = True
) -> Dreamed:
    """Draw `count` latents and decode them. Raises UserError for a model with codes, an unknown kind, and where
    the training images are needed and not there."""
    refuse_count(count)
    if kind not in KINDS:
        raise UserError(
            f"--from {kind} is nothing to draw from",
            why=f"a latent is drawn from {', '.join(KINDS)}",
            fix="write --from normal",
        )
    if opened.model.levels:
        raise UserError(
            f"{opened.name} has no latent to draw from",
            why=f"its tokens ({opened.model.spec.bottleneck.kind}) are drawn by a prior that was trained for them",
            fix=f"train one with `tilework train motion-prior parent={opened.name}`, then `tilework dream last`",
        )
    if kind == "normal":
        drawn = torch.randn((count, *opened.shape), generator=torch.Generator().manual_seed(seed))
        words = "N(0, I)" + ("" if _gaussian(opened) else ", which this model was not trained towards")
    elif kind == "aggregate":
        drawn, words = _aggregate(opened, count, seed), "posteriors of training images"
    else:
        drawn, words = _mixture(opened, count, seed)
    images = opened.decode(drawn)
    how = How(seed, notes=(Note(Fact.POSTERIOR, (words,)),))
    novelty = of_images(opened, images) if compare else None
    return Dreamed(title_of(opened), What.IMAGES, images[:, None], how, novelty=novelty, compared=compare)


def _gaussian(opened: Opened) -> bool:
    return bool(opened.model.spec.bottleneck.kind == "gaussian")


def _aggregate(opened: Opened, count: int, seed: int) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    images = opened.need_images("drawing from the aggregate posterior")
    chosen = rng.integers(0, len(images.side("train")), count)
    mean, sigma = opened.encode(images.pixels("train", chosen))
    if sigma is None:
        return mean
    noise = torch.from_numpy(rng.standard_normal(tuple(mean.shape)).astype(np.float32))
    return mean + sigma * noise


def _mixture(opened: Opened, count: int, seed: int) -> tuple[torch.Tensor, str]:
    opened.need_images("fitting a Gaussian mixture")

    def fit() -> Any:
        from sklearn.mixture import GaussianMixture

        found = cloud(opened, "train", FITTED, deviations=True)
        points: NDArray[np.float64] = found.latents.astype(np.float64)
        if found.deviations is not None:  # draws of the posteriors, which is what the decoder was trained on
            points = points + found.deviations * np.random.default_rng(0).standard_normal(points.shape)
        full = points.shape[1] <= _FULL
        components = max(1, min(COMPONENTS, len(points) // (4 * points.shape[1] if full else 20)))
        mixture = GaussianMixture(
            components, covariance_type="full" if full else "diag", reg_covar=1e-5, random_state=0, max_iter=200
        )
        return mixture.fit(points)

    mixture = opened.once("gaussian mixture", fit)
    mixture.random_state = seed
    points = mixture.sample(count)[0]
    points = points[np.random.default_rng(seed).permutation(count)]  # they come sorted by component
    words = f"a mixture of {len(mixture.weights_)} Gaussians, fitted to the training images"
    return torch.from_numpy(points.astype(np.float32)).reshape(count, *opened.shape), words
