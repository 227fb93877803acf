"""One dimension of a latent at a time, or two: everything else stays where it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from tilework.errors import UserError
from tilework.explore.dimensions import checked_dimension, most_active, usual_range
from tilework.explore.film import Film
from tilework.explore.opened import Opened, Pixels, Through
from tilework.explore.place import Named, place
from tilework.explore.points import LARGEST, Point, parse
from tilework.explore.sampling import quantiser_fact, refuse_many, title_of
from tilework.explore.sheet import table
from tilework.explore.shown import Shown

MOST_STEPS = 512
SHOWN = 12
"""Dimensions that are moved where none is named: those that carry most."""


@dataclass(frozen=True, eq=False)
class Traversal(Shown):
    """`images` (k, steps, H, W, C) uint8: dimension `dimensions[i]` at the value `values[i, j]`, the rest as `point`
    gives it, where dimension `dimensions[i]` has the value `here[i]`."""

    model: str
    point: Point
    dimensions: tuple[int, ...]
    values: NDArray[np.float64]
    images: Pixels
    here: NDArray[np.float32]
    fps: float = 12
    as_it_is: bool = False
    """They were decoded past the quantiser."""

    def sheet(self) -> Image.Image:
        same = bool((self.values == self.values[0]).all())
        heads = [f"{value:g}" for value in self.values[0].round(2)] if same else []
        low, high = self.values[:, 0], self.values[:, -1]
        places = (self.here - low) / (high - low) * (self.values.shape[1] - 1)
        return table(
            list(self.images),
            names=[f"dimension {d}" for d in self.dimensions],
            heads=heads,
            marks=places.tolist(),
            foot="the bar below a row: where the point itself lies",
        )

    def film(self) -> Film:
        """All dimensions beside each other, each under its name and the value that it has, forth and back."""
        there, values = np.swapaxes(self.images, 0, 1), self.values.T
        return Film(
            np.concatenate([there, there[-2:0:-1]]),
            self.fps,
            tuple(f"dimension {d}" for d in self.dimensions),
            np.concatenate([values, values[-2:0:-1]]),
        )

    def title(self) -> str:
        return f"dimensions of {self.model}, one at a time"

    def facts(self) -> tuple[tuple[str, str], ...]:
        ends = [f"{low:g} to {high:g}" for low, high in self.values[:, [0, -1]].round(2)]
        ranges = [
            (f"dimension {d}", f"{end}, the point at {here:.2f}")
            for d, end, here in zip(self.dimensions, ends, self.here, strict=True)
        ]
        return (("point", str(self.point)), *quantiser_fact(self.as_it_is), *ranges)


@dataclass(frozen=True, eq=False)
class Plane(Shown):
    """`images` (steps, steps, H, W, C) uint8: dimension x at `xs[j]`, rising, dimension y at `ys[i]`, falling, as on a map."""

    model: str
    point: Point
    x: int
    y: int
    xs: NDArray[np.float64]
    ys: NDArray[np.float64]
    images: Pixels
    as_it_is: bool = False
    """They were decoded past the quantiser."""

    def sheet(self) -> Image.Image:
        names, heads = ([f"{v:g}" for v in values.round(2)] for values in (self.ys, self.xs))
        return table(list(self.images), names=names, heads=heads)

    def title(self) -> str:
        return f"dimensions {self.x} (across) and {self.y} (up) of {self.model}"

    def facts(self) -> tuple[tuple[str, str], ...]:
        return (("point", str(self.point)), *quantiser_fact(self.as_it_is))


def traverse(
    opened: Opened,
    point: Point | str = "zero",
    dimensions: Sequence[int] | None = None,
    low: float | None = None,
    high: float | None = None,
    steps: int = 9,
    images: Named | None = None,
    *,
    through: Through = "quantiser",
) -> Traversal:
    """Move each dimension from `low` to `high` in equal steps, all others staying at `point`: rows of images.

        z_j = z  but  z_j[d] = low + j (high - low) / (steps - 1)

    (latent traversals, as in the beta-VAE paper, Higgins et al. 2017). `dimensions` are the 12 that carry most, if none are
    given; low and high are -3 and 3 of a Gaussian latent, else three deviations around the mean of the validation images. Of a
    model with codes each latent is quantised before it is decoded, or goes `through` the decoder alone. Raises UserError as
    `place` does, and for a dimension or a range that there is not.
    """
    point = parse(point) if isinstance(point, str) else point
    chosen = [checked_dimension(opened, d) for d in (most_active(opened, SHOWN) if dimensions is None else dimensions)]
    refuse_many(len(chosen) * checked_steps(steps))
    z = place(opened, point, images)
    values = np.stack([_values(opened, d, low, high, steps) for d in chosen])
    moved = z.flatten().repeat(len(chosen), steps, 1)
    for row, dimension in enumerate(chosen):
        moved[row, :, dimension] = torch.from_numpy(values[row]).float()
    made = opened.decode(moved.reshape(-1, *opened.shape), through)
    rows = made.reshape(len(chosen), steps, *made.shape[1:])
    here, past = z.flatten()[chosen].numpy(), opened.past_quantiser(through)
    return Traversal(title_of(opened), point, tuple(chosen), values, rows, here, as_it_is=past)


def plane(
    opened: Opened,
    point: Point | str,
    x: int,
    y: int,
    low: float | None = None,
    high: float | None = None,
    steps: int = 15,
    images: Named | None = None,
    *,
    through: Through = "quantiser",
) -> Plane:
    """Two dimensions at a time: steps x steps images, x to the right and y upwards, all others staying at `point`.

    Of a model with codes each latent is quantised before it is decoded, or goes `through` the decoder alone. Raises UserError
    as `traverse` does, and for one dimension named twice.
    """
    point = parse(point) if isinstance(point, str) else point
    if checked_dimension(opened, x) == checked_dimension(opened, y):
        raise UserError(
            f"a plane needs two dimensions, and {x} was named twice",
            why="it goes across along one and up along the other",
            fix="name another one" if opened.dimensions > 1 else "use traverse: this latent has one dimension",
        )
    refuse_many(checked_steps(steps) ** 2)
    xs, ys = (_values(opened, d, low, high, steps) for d in (x, y))
    moved = place(opened, point, images).flatten().repeat(steps, steps, 1)
    moved[:, :, x] = torch.from_numpy(xs).float()[None, :]
    moved[:, :, y] = torch.from_numpy(ys[::-1].copy()).float()[:, None]
    made = opened.decode(moved.reshape(-1, *opened.shape), through)
    rows, past = made.reshape(steps, steps, *made.shape[1:]), opened.past_quantiser(through)
    return Plane(title_of(opened), point, x, y, xs, ys[::-1], rows, as_it_is=past)


def checked_steps(steps: int) -> int:
    """How many values a dimension takes. Raises UserError for less than 2 and for more than can be looked at."""
    if not 2 <= steps <= MOST_STEPS:
        raise UserError(
            f"{steps} steps were asked for", why=f"2 to {MOST_STEPS} are possible", fix="write for example 9"
        )
    return steps


def _values(opened: Opened, dimension: int, low: float | None, high: float | None, steps: int) -> NDArray[np.float64]:
    usual = usual_range(opened, dimension) if low is None or high is None else (0.0, 0.0)
    low, high = usual[0] if low is None else low, usual[1] if high is None else high
    sane = all(math.isfinite(v) and abs(v) <= LARGEST for v in (low, high))
    if not sane or low >= high:
        raise UserError(
            f"a dimension cannot go from {low:g} to {high:g}",
            why="both ends are finite numbers, and the first is the smaller one",
            fix="write for example --low -3 --high 3",
        )
    return np.linspace(low, high, steps)
