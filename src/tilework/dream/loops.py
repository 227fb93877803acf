"""Measures of motion: whether a loop closes, how smooth it is, how much moves, and whether it repeats a training loop.

With frames x_0 .. x_{T-1} and |.| the root mean square over pixels on [0, 1]:

    step_t  = |x_{t+1} - x_t|                       energy     = mean step
    seam    = |x_0 - x_{T-1}| / mean step           roughness  = mean |x_{t+1} - 2 x_t + x_{t-1}| / mean step

A seam of 1 is a step like any other; roughness is about 2 sin(pi/n) for a motion of n frames a period, and 1.7 for noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tilework.explore.opened import Pixels

SIDE = 16
"""Loops are compared at so many pixels on a side."""
_SAME = 0.5
"""A loop nearer to a training loop than this share of what training loops are from each other repeats it."""
_STILL = 1e-4


@dataclass(frozen=True)
class Measures:
    """Of one loop or clip; `seam` is None where it is no loop or nothing moves."""

    seam: float | None
    energy: float
    roughness: float


@dataclass(frozen=True)
class Repeats:
    """The training loop that a loop is nearest to, and how it has to be turned to be so."""

    name: str
    distance: float
    """Root mean square over pixels on [0, 1], at 16x16."""
    apart: float
    """The same between a training loop and the nearest other one (the median), however shifted and turned."""
    shift: float
    """The part of a round by which the training loop is shifted in time."""
    mirrored: tuple[bool, bool]
    """Upside down, left to right."""
    backwards: bool

    @property
    def same(self) -> bool:
        """Whether this is a repetition."""
        return self.distance < _SAME * self.apart


@dataclass(frozen=True)
class LoopReport:
    """Of each dreamed clip its measures and the training loop nearest to it; `training` the measures of training loops."""

    measures: tuple[Measures, ...]
    repeats: tuple[Repeats, ...]
    training: tuple[Measures, ...] = ()

    def within(self, name: str) -> bool | None:
        """Whether the mean of a measure (`energy` or `roughness`) lies within what training loops have; None without them."""
        if not self.training:
            return None
        values = [getattr(one, name) for one in self.training]
        mean = float(np.mean([getattr(one, name) for one in self.measures]))
        return bool(min(values) <= mean <= max(values))


def measure(frames: Pixels, *, loop: bool) -> Measures:
    """Measures of a clip (T, H, W, C) uint8 of two frames or more."""
    x = flat(frames)
    after, steps = np.roll(x, -1, 0), steps_of(x)
    inner = steps if loop else steps[:-1]
    # The seam is compared with the other steps, not with itself among them.
    mean = float(steps[:-1].mean()) if len(x) > 1 else 0.0
    bend = np.sqrt(np.square(after - 2 * x + np.roll(x, 1, 0)).mean(1, dtype=np.float64))
    bends = bend if loop else bend[1:-1]
    energy = float(inner.mean()) if len(inner) else 0.0
    seam = float(steps[-1]) / mean if loop and mean > _STILL else None
    return Measures(seam, energy, float(bends.mean()) / energy if energy > _STILL and len(bends) else 0.0)


def flat(frames: Pixels) -> NDArray[np.float32]:
    """(T, H, W, C) uint8 -> (T, H x W x C) on [0, 1]."""
    found: NDArray[np.float32] = frames.reshape(len(frames), -1).astype(np.float32) / np.float32(255)
    return found


def steps_of(x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Flat frames -> the step from each to the next (T,), the last one over the seam."""
    found: NDArray[np.float64] = np.sqrt(np.square(np.roll(x, -1, 0) - x).mean(1, dtype=np.float64))
    return found


def small(frames: Pixels) -> NDArray[np.float32]:
    """(T, H, W, C) uint8 -> grey (T, 16, 16) on [0, 1], each the mean over its part of the image."""
    grey = frames.mean(-1, dtype=np.float32) / 255
    for axis in (1, 2):
        edges = np.linspace(0, grey.shape[axis], SIDE + 1).round().astype(int)
        starts = np.minimum(edges[:-1], grey.shape[axis] - 1)
        widths = np.maximum(np.diff(edges), 1)
        shape = [1, 1, 1]
        shape[axis] = SIDE
        summed = np.add.reduceat(grey, starts, axis)
        # reduceat sums from one start to the next; where two are the same (an image of fewer pixels) it takes the one there.
        grey = summed / widths.reshape(shape)
    found: NDArray[np.float32] = grey.astype(np.float32)
    return found


@dataclass(frozen=True, eq=False)
class Spectrum:
    """A loop of n frames of 16x16, as its Fourier transform over time: all shifts of it are compared at once."""

    name: str
    frames: int
    values: NDArray[np.complex128]
    energy: float

    @classmethod
    def of(cls, name: str, loop: NDArray[np.float32], frames: int) -> Spectrum:
        """A loop (T, 16, 16) at `frames` frames a round."""
        chosen = loop[np.arange(frames) * len(loop) // frames].astype(np.float64)
        return cls(name, frames, np.fft.rfft(chosen, axis=0), float(np.square(chosen).sum()))


def nearest_loop(loop: Spectrum, training: Sequence[Spectrum], apart: float) -> Repeats:
    """Of training loops of as many frames the one that a loop is nearest to, by any shift in time, mirrored or backwards.

    `apart` is what `spacing` gives for them.
    """
    distance, name, shift, mirrored, backwards = min(
        (_match(loop, other) for other in training), key=lambda found: found[0]
    )
    return Repeats(name, distance, apart, shift / loop.frames, mirrored, backwards)


def spacing(training: Sequence[Spectrum]) -> float:
    """How far a training loop is from the nearest other one, the median over them; of a single one, how far its frames are from
    their mean."""
    if len(training) < 2:
        one = training[0]
        still = float(np.square(np.abs(one.values[0])).sum()) / one.frames
        return _distance(max(0.0, one.energy - still), one)
    found = []
    for number, one in enumerate(training):
        found.append(min(_match(one, other)[0] for at, other in enumerate(training) if at != number))
    return float(np.median(found))


_Match = tuple[float, str, int, tuple[bool, bool], bool]


def _match(a: Spectrum, b: Spectrum) -> _Match:
    """The least distance of two loops over shifts, mirrors and directions.

    For all shifts s at once: sum over t of |a_t - b_{t+s}|^2 = |a|^2 + |b|^2 - 2 (a correlated with b)_s, by the FFT over time.
    """
    found: list[_Match] = []
    for mirrored in ((False, False), (True, False), (False, True), (True, True)):
        turned = b.values[:, :: -1 if mirrored[0] else 1, :: -1 if mirrored[1] else 1]
        for backwards in (False, True):
            # Time that runs backwards is the conjugate; where it begins is a shift like any other.
            product = np.einsum("fyx,fyx->f", a.values.conj(), turned.conj() if backwards else turned)
            together = np.fft.irfft(product, n=a.frames)
            shift = int(together.argmax())
            off = a.energy + b.energy - 2 * float(together[shift])
            # A difference of large numbers: what is below their rounding is nothing.
            distance = _distance(off, a) if off > 1e-9 * (a.energy + b.energy) else 0.0
            found.append((distance, b.name, shift, mirrored, backwards))
    return min(found, key=lambda one: one[0])


def _distance(squares: float, like: Spectrum) -> float:
    return float(np.sqrt(squares / (like.frames * SIDE * SIDE)))
