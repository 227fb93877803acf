"""Points of a latent space, decoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from tilework.errors import UserError
from tilework.explore.opened import Opened, Pixels, Through
from tilework.explore.place import Named, place
from tilework.explore.points import Point, parse
from tilework.explore.sheet import grid
from tilework.explore.shown import Shown

MOST = 4096
"""Images that one call decodes."""


@dataclass(frozen=True, eq=False)
class Sampled(Shown):
    """n decoded points: `latents` (n, D, h, w) float32, `images` (n, H, W, C) uint8; `codes` (n, Q, h, w) int64 where a quantiser
    lies between the two."""

    model: str
    points: tuple[Point, ...]
    latents: NDArray[np.float32]
    images: Pixels
    codes: NDArray[np.int64] | None = None
    as_it_is: bool = False
    """They were decoded past the quantiser."""

    def sheet(self) -> Image.Image:
        return grid(self.images)

    def title(self) -> str:
        return f"{len(self.points)} point{'s' * (len(self.points) != 1)} of the latent space of {self.model}"

    def facts(self) -> tuple[tuple[str, str], ...]:
        return (
            *quantiser_fact(self.as_it_is),
            *((f"{number + 1}", str(point)) for number, point in enumerate(self.points)),
        )


def sample(
    opened: Opened,
    points: Sequence[Point | str] | Point | str,
    images: Named | None = None,
    *,
    through: Through = "quantiser",
) -> Sampled:
    """Decode points of the latent space. Each is placed by itself: its z depends neither on the device nor on the others.

        z = mu + sigma * eps,  eps ~ N(0, I)        x = decoder(z)

    the reparametrised latent of arXiv 1312.6114, section 2.4, where a point gives mu and sigma (`points` defines how);
    of a model with codes z is quantised before it is decoded, or goes `through` the decoder alone. Raises UserError as
    `place` does, and for no point or more than 4,096.
    """
    listed = [points] if isinstance(points, (str, Point)) else list(points)
    read = tuple(parse(point) if isinstance(point, str) else point for point in listed)
    refuse_many(len(read))
    latents = torch.stack([place(opened, point, images) for point in read])
    made, codes = opened.decode_with_codes(latents, through)
    found = None if codes is None else codes.numpy()
    return Sampled(title_of(opened), read, latents.numpy(), made, found, opened.past_quantiser(through))


def refuse_many(count: int) -> None:
    """Raise UserError for no image at all, or for more than one call decodes."""
    if not 1 <= count <= MOST:
        raise UserError(
            f"{count:,} images were asked for",
            why=f"one call makes 1 to {MOST:,}",
            fix="ask for fewer, or in several calls",
        )


def quantiser_fact(as_it_is: bool) -> tuple[tuple[str, str], ...]:
    """What stands below images of a model with codes that were decoded past its quantiser."""
    return (("quantiser", "passed by: the latent is decoded without becoming codes"),) if as_it_is else ()


def title_of(opened: Opened) -> str:
    """A model by its run and step."""
    return f"{opened.name}, step {opened.step:,}"


def prior(count: int, seed: int = 0) -> list[Point]:
    """Points drawn from N(0, I): those of the seeds from `seed` on.

    >>> [str(point) for point in prior(3, seed=7)]
    ['seed:7', 'seed:8', 'seed:9']
    """
    refuse_many(count)
    return [parse(f"seed:{seed + number}") for number in range(count)]
