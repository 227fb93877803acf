"""Directions in a latent space: those along which the images differ most, and from one label to another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tilework.errors import UserError
from tilework.explore.cloud import cloud, spread
from tilework.explore.components import components
from tilework.explore.opened import Opened

ENCODED = 2_000
"""Training images that principal directions are found from."""
OF_LABEL = 200
"""Training images that the mean of a label is taken over."""
_MOST = 64


@dataclass(frozen=True)
class Directions:
    """Principal directions of n encoded images, by falling variance (K of them, at most 64).

    `mean` (D*h*w,); `axes` (K, D*h*w), each of length 1; `deviations` (K,), the standard deviation of the images along each;
    `shares` (K,), its part of all variance.
    """

    mean: NDArray[np.float32]
    axes: NDArray[np.float32]
    deviations: NDArray[np.float32]
    shares: NDArray[np.float32]
    images: int

    def step(self, number: int) -> Tensor:
        """(D*h*w,) one standard deviation along direction `number`, 1 = first."""
        return torch.from_numpy(self.axes[number - 1] * self.deviations[number - 1])


def principal(opened: Opened) -> Directions:
    """Principal component analysis of the encoded training images, at most 2,000 of them (components.py).

    Raises UserError where the images are not there or fewer than two.
    """

    def make() -> Directions:
        found = cloud(opened, "train", ENCODED)
        if len(found.latents) < 2:
            raise UserError(
                f"{opened.name} has too few images for principal directions",
                why=f"there is {len(found.latents)} training image, and a direction needs two",
                fix="bring more images",
            )
        opened.between()
        made = components(found.latents, _MOST)
        mean, axes, deviations, shares = (
            part.astype(np.float32) for part in (made.mean, made.axes, made.deviations, made.shares)
        )
        return Directions(mean, axes, deviations, shares, len(found.latents))

    return opened.once("principal", make)


def label_mean(opened: Opened, label: str) -> Tensor:
    """(D*h*w,) the mean latent of at most 200 training images of a label. Raises UserError for one that no such image has."""
    images = opened.need_images("the mean of a label")
    if label not in images.store.classes:
        raise _no_label(opened, label)

    def make() -> Tensor:
        numbers = np.flatnonzero(images.store.labels[images.split.train] == images.store.classes.index(label))
        if not len(numbers):
            raise _no_label(opened, label)
        chosen = numbers[spread(len(numbers), OF_LABEL)]
        return opened.encode(images.pixels("train", chosen))[0].flatten(1).double().mean(0).float()

    return opened.once(f"label {label}", make)


def label_means(opened: Opened) -> dict[str, Tensor]:
    """The mean latent (D*h*w,) of every label that training images have, by label; {} where there are none."""
    images = opened.need_images("the means of labels")
    there = np.unique(images.store.labels[images.split.train])
    return {images.store.classes[n]: label_mean(opened, images.store.classes[n]) for n in there.tolist() if n >= 0}


def label_direction(opened: Opened, start: str, end: str) -> Tensor:
    """(D*h*w,) from the mean of label `start` to that of `end`: the attribute vector of arXiv 1602.02867, section 5."""
    return label_mean(opened, end) - label_mean(opened, start)


def _no_label(opened: Opened, label: str) -> UserError:
    known = opened.need_images("labels").store.classes
    return UserError(
        f"no training image of {opened.name} has the label '{label}'",
        why=f"the labels are {', '.join(known[:12])}{' ...' if len(known) > 12 else ''}"
        if known
        else "its images have none",
        fix=f"write for example {known[0]}>{known[-1]}*1" if len(known) > 1 else "use a principal direction: pc1*2",
    )
