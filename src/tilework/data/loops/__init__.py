"""Ten looping animations in the spirit of generative sketches, one file each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from tilework.data.loops import (
    flow,
    halftone,
    lissajous,
    metaballs,
    orbits,
    polygons,
    spirograph,
    truchet,
    voronoi,
    waves,
)
from tilework.data.loops.canvas import Canvas, Frame
from tilework.spec import Size

ANIMATIONS: dict[str, Callable[[Canvas, np.random.Generator], Frame]] = {
    "polygons": polygons.make,
    "lissajous": lissajous.make,
    "truchet": truchet.make,
    "flow": flow.make,
    "waves": waves.make,
    "orbits": orbits.make,
    "metaballs": metaballs.make,
    "spirograph": spirograph.make,
    "halftone": halftone.make,
    "voronoi": voronoi.make,
}


def animation(
    name: str, size: Size, channels: int, seed: int = 0, variant: int = 0
) -> Callable[[float], NDArray[np.uint8]]:
    """A drawing by name: time t (any number; whole parts do not matter) -> (H, W, channels) uint8."""
    number = list(ANIMATIONS).index(name)
    # The first variant is drawn as it was before there were others.
    canvas = Canvas(size, np.random.default_rng([seed, number, variant, 1]) if variant else None)
    frame = ANIMATIONS[name](canvas, np.random.default_rng([seed, number, variant] if variant else [seed, number]))
    return lambda t: canvas.finish(frame(t % 1.0), channels)


def frames(
    name: str, count: int, size: Size, channels: int, seed: int = 0, variant: int = 0
) -> Iterator[NDArray[np.uint8]]:
    """`count` frames that go once round the loop: frame n is drawn at t = n / count."""
    draw = animation(name, size, channels, seed, variant)
    return (draw(number / count) for number in range(count))
