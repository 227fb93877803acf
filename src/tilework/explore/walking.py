"""A way from point to point through a latent space, frame by frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from tilework.errors import UserError
from tilework.explore.cloud import spread
from tilework.explore.film import Film, checked_fps
from tilework.explore.opened import Opened, Pixels, Through
from tilework.explore.place import Named, place
from tilework.explore.points import Point, parse
from tilework.explore.sampling import quantiser_fact, refuse_many, title_of
from tilework.explore.sheet import table
from tilework.explore.shown import Shown

How = Literal["linear", "spherical"]
_ON_SHEET = 12
_PARALLEL = 1e-6


@dataclass(frozen=True, eq=False)
class Walk(Shown):
    """`latents` (n, D, h, w) float32 and `images` (n, H, W, C) uint8 of each frame; frame `stops[i]` is exactly `points[i]`."""

    model: str
    points: tuple[Point, ...]
    stops: tuple[int, ...]
    latents: NDArray[np.float32]
    images: Pixels
    how: How
    loop: bool
    fps: float = 30
    as_it_is: bool = False
    """They were decoded past the quantiser."""

    def film(self) -> Film:
        return Film(self.images, self.fps)

    def sheet(self) -> Image.Image:
        """A strip: all points and what lies between them, evenly."""
        return strip(self.images)

    def title(self) -> str:
        return f"a way through {len(self.points)} points of the latent space of {self.model}"

    def facts(self) -> tuple[tuple[str, str], ...]:
        film = self.film()
        length = f"{len(self.images)} at {self.fps:g} a second: {film.seconds:.2g} s{', a closed loop' * self.loop}"
        stops = [(f"frame {stop}", str(point)) for stop, point in zip(self.stops, self.points, strict=True)]
        return (("way", self.how), ("frames", length), *quantiser_fact(self.as_it_is), *stops)


def strip(images: Pixels, most: int = _ON_SHEET) -> Image.Image:
    """At most `most` of the images (n, H, W, C) uint8 in one row with their numbers, the first and the last among them."""
    chosen = spread(len(images), most)
    return table([images[chosen]], heads=[str(number) for number in chosen.tolist()])


def walk(
    opened: Opened,
    points: Sequence[Point | str],
    frames: int = 120,
    how: How = "linear",
    ease: bool = False,
    loop: bool = False,
    images: Named | None = None,
    fps: float = 30,
    *,
    through: Through = "quantiser",
) -> Walk:
    """Interpolate from each point to the next in `frames` frames; every point is a frame, the first and the last exactly.

        linear      (1 - t) a + t b
        spherical   (sin((1 - t) w) a + sin(t w) b) / sin w        w = the angle between a and b

    (Shoemake 1985; for latents, arXiv 1609.04468, which notes that a straight line between Gaussian samples passes through
    lengths that the prior hardly has). Between points that are parallel, opposite or zero, spherical is linear. `ease` slows down
    at every point: t becomes t^2 (3 - 2 t). `loop` goes back to the first point, which is no frame twice. Of a model with codes
    each latent is quantised before it is decoded, or goes `through` the decoder alone. Raises UserError as `place` does, for less
    than two points, and for fewer frames than points.
    """
    checked_fps(fps)
    if how not in ("linear", "spherical"):
        raise UserError(
            f"there is no kind of interpolation '{how}'",
            why="it is linear or spherical",
            fix="write linear or spherical",
        )
    read = tuple(parse(point) if isinstance(point, str) else point for point in points)
    if len(read) < 2:
        raise UserError(
            f"a way needs two points, and {'one was' if read else 'none were'} given",
            why="it goes from one to the next",
            fix="name another point, for example seed:1",
        )
    refuse_many(frames)
    at, stops = _times(len(read), frames, loop)
    placed = [place(opened, point, images) for point in read]
    placed += placed[:1] if loop else []
    latents = torch.stack([_between(placed, segment, _eased(t) if ease else t, how) for segment, t in at])
    made, past = opened.decode(latents, through), opened.past_quantiser(through)
    return Walk(title_of(opened), read, stops, latents.numpy(), made, how, loop, fps, past)


def _times(points: int, frames: int, loop: bool) -> tuple[list[tuple[int, float]], tuple[int, ...]]:
    """For each frame the segment that it is in and how far, and the frame of each point."""
    segments = points if loop else points - 1
    last = frames if loop else frames - 1
    if last < segments:
        raise UserError(
            f"{frames} frames are too few for {points} points",
            why="every point is a frame",
            fix=f"write at least {points} frames",
        )
    ends = np.round(np.linspace(0, last, segments + 1)).astype(int)
    at = [(s, (n - ends[s]) / (ends[s + 1] - ends[s])) for s in range(segments) for n in range(ends[s], ends[s + 1])]
    if not loop:
        at.append((segments - 1, 1.0))
    return at, tuple(int(end) for end in ends[:points])


def _eased(t: float) -> float:
    return t * t * (3 - 2 * t)


def _between(placed: Sequence[torch.Tensor], segment: int, t: float, how: How) -> torch.Tensor:
    a, b = placed[segment], placed[segment + 1]
    if t in (0.0, 1.0):  # exactly, where rounding would leave a trace
        return b if t else a
    found = slerp(a.double(), b.double(), t) if how == "spherical" else torch.lerp(a.double(), b.double(), t)
    return found.float()


def slerp(a: torch.Tensor, b: torch.Tensor, t: float) -> torch.Tensor:
    """Spherical interpolation of two tensors of one shape, each as one vector; linear where no angle is between them.

    >>> slerp(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), 1 / 3)
    tensor([0.8660, 0.5000])
    """
    lengths = a.norm() * b.norm()
    cosine = float((a * b).sum() / lengths) if lengths > 0 else 1.0
    angle = math.acos(min(1.0, max(-1.0, cosine)))
    if math.sin(angle) < _PARALLEL:
        return torch.lerp(a, b, t)
    whole = math.sin(angle)
    return (math.sin((1 - t) * angle) / whole) * a + (math.sin(t * angle) / whole) * b
