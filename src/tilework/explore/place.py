"""From a point as it is written to the numbers of a latent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from threading import Lock

import torch
from torch import Tensor

from tilework.errors import UserError
from tilework.explore.directions import label_direction, principal
from tilework.explore.opened import Opened, Pixels
from tilework.explore.own_image import read
from tilework.explore.points import Band, Origin, Point, Towards, parse

_KEPT = 64
Named = Callable[[str], Pixels]
"""Gives the image (H, W, C) uint8, of the model's size, that a name stands for."""


def place(opened: Opened, point: Point | str, images: Named | None = None) -> Tensor:
    """The latent (D, h, w) float32 that a point stands for, on the CPU: the same on every device, whatever is asked beside it.

    `images` gives the image behind `image:NAME`; by default it is read from the file NAME. Raises UserError for text that is no
    point, a dimension, image, label or direction that is not there, and where images are needed and missing.
    """
    point = parse(point) if isinstance(point, str) else point
    _check(opened, point)
    z = origin(opened, point.origin, images).flatten()
    if point.bands or point.every is not None or point.mu_seed is not None:
        z = _drawn(opened, point, z)
    for way in point.along:
        if isinstance(way, Towards):
            z = z + way.amount * label_direction(opened, way.start, way.end)
        else:
            directions = principal(opened)
            if way.number > len(directions.deviations):
                raise UserError(
                    f"there is no principal direction {way.number}",
                    why=f"the encoded images of {opened.name} have {len(directions.deviations)}",
                    fix=f"write a direction from pc1 to pc{len(directions.deviations)}",
                )
            z = z + way.amount * directions.step(way.number)
    z = z.clone()
    for dimension, value in point.exact.items():
        z[dimension] = value
    return z.reshape(opened.shape)


def origin(opened: Opened, where: Origin, images: Named | None = None) -> Tensor:
    """The latent (D, h, w) where a point begins. Raises UserError as `place` does."""
    if where.kind == "zero":
        return torch.zeros(opened.shape)
    if where.kind == "seed":
        return noise(opened, where.number)
    return _encoded(opened, image_of(opened, where, images))


def _encoded(opened: Opened, image: Pixels) -> Tensor:
    """The latent (D, h, w) of an image. The last ones are kept: a hand that moves asks for the same again and again."""
    kept, change = opened.once("encoded lately", lambda: (dict[bytes, Tensor](), Lock()))
    key = hashlib.blake2b(image.tobytes(), digest_size=16).digest()
    with change:
        found = kept.pop(key, None)
    if found is None:
        found = opened.encode(image[None])[0][0]
    with change:
        kept[key] = found
        while len(kept) > _KEPT:
            del kept[next(iter(kept))]
    return found


def image_of(opened: Opened, where: Origin, images: Named | None = None) -> Pixels:
    """The image (H, W, C) uint8 that an origin names. Raises UserError for one that is no image, or is not there."""
    if where.kind == "zero" or where.kind == "seed":
        raise UserError(
            f"{where} is not an image",
            why="it is a place in the latent space that nothing was encoded to",
            fix="name an image: validation:N, train:N or image:FILE",
        )
    if where.kind == "image":
        return images(where.name) if images is not None else read(where.name, opened).pixels
    found: Pixels = opened.need_images(str(where)).pixels(where.kind, [where.number])[0]
    return found


def noise(opened: Opened, seed: int) -> Tensor:
    """The standard normal noise (D, h, w) of a seed: torch.randn by a generator on the CPU."""
    return torch.randn(opened.shape, generator=torch.Generator().manual_seed(seed))


def drawn_mu(opened: Opened, seed: int) -> Tensor:
    """The means (D, h, w) of `mu@N`: what a generator of that seed draws after its noise, so that they never equal it."""
    generator = torch.Generator().manual_seed(seed)
    torch.randn(opened.shape, generator=generator)
    return torch.randn(opened.shape, generator=generator)


def _drawn(opened: Opened, point: Point, z: Tensor) -> Tensor:
    """(D*h*w,) with mu + sigma * eps in every dimension that the point draws."""
    seed = point.origin.number if point.origin.kind == "seed" else 0
    eps = noise(opened, point.noise_seed if point.noise_seed is not None else seed).flatten()
    z = z.clone()
    if point.every is not None or point.mu_seed is not None:
        every = point.every or Band(0.0, 1.0)
        mu = drawn_mu(opened, point.mu_seed).flatten() if point.mu_seed is not None else every.mu
        z = mu + every.sigma * eps
    for dimension, band in point.bands.items():
        z[dimension] = band.mu + band.sigma * eps[dimension]
    return z


def _check(opened: Opened, point: Point) -> None:
    outside = [d for d in (*point.exact, *point.bands) if d >= opened.dimensions]
    if outside:
        raise UserError(
            f"there is no dimension {outside[0]}",
            why=f"the latent of {opened.name} has {opened.dimensions:,} ({' x '.join(map(str, opened.shape))}), "
            f"numbered from 0 to {opened.dimensions - 1:,}",
            fix=f"write a dimension up to {opened.dimensions - 1}",
        )
