"""Frames between key frames: drawn by the prior itself, or interpolated between what the decoder sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tilework.dream.drawing import Given, draw
from tilework.dream.opened import Dreamer
from tilework.errors import UserError
from tilework.priors.contract import Sampling, Watch

Between = Literal["prior", "latents"]


@dataclass(frozen=True, eq=False)
class Filled:
    """All frames: `tokens` (n, F, Q, h, w), or `latents` (n, F, D, h, w) where they lie between tokens."""

    tokens: NDArray[np.int64] | None
    latents: Tensor | None
    how: Between | None
    """None where there was nothing to fill."""


def by_prior(dreamer: Dreamer) -> bool:
    """Whether a prior can draw frames between others: it takes any number of frames and sees those that come after."""
    return dreamer.prior.any_length and dreamer.prior.sees_both_sides


def chosen_way(dreamer: Dreamer, way: Between | None, keys: int, frames: int, *, loop: bool) -> Between:
    """The way to go from so many key frames to so many frames: the one asked for, or else by latents.

    Raises UserError where the prior is asked for what it cannot do.
    """
    if way not in {None, "prior", "latents"}:
        raise UserError(
            f"there is no way '{way}' to fill frames in", why="the ways are prior and latents", fix="write latents"
        )
    steps, wanted = (keys, frames) if loop else (keys - 1, frames - 1)
    whole = steps > 0 and wanted % steps == 0
    if way == "prior" and not (by_prior(dreamer) and whole):
        raise UserError(
            f"{dreamer.name} cannot draw the frames between",
            why="it sees only the frames before"
            if not dreamer.prior.sees_both_sides
            else f"it takes clips of {dreamer.shape.frames} frames alone"
            if not dreamer.prior.any_length
            else f"{frames} frames are no whole multiple of its {keys} key frames",
            fix="write --between latents"
            if not by_prior(dreamer)
            else f"write --between latents, or --frames {keys * max(1, frames // keys)}",
        )
    return way or "latents"


def fill(
    dreamer: Dreamer,
    keys: NDArray[np.int64],
    frames: int,
    way: Between,
    *,
    loop: bool,
    labels: list[int],
    sampling: Sampling,
    seed: int,
    watch: Watch | None = None,
) -> Filled:
    """Key frames (n, K, Q, h, w) -> `frames` frames: the first key is the first frame; of a loop the last one is followed by the
    first, else the last key is the last frame.

        latents      z(t) = (1 - s) z_k + s z_{k+1}: between the codes of two key frames, without quantising anew
        prior        half of the frames between, then half of those between them, ... each pass given all frames before it
    """
    count = keys.shape[1]
    if frames == count:
        return Filled(keys, None, None)
    if way == "latents":
        return Filled(None, interpolated(dreamer.latents(keys), frames, loop=loop), "latents")
    steps = frames if loop else frames - 1
    now = count if loop else count - 1
    known = keys
    while now < steps:
        factor = _smallest_factor(steps // now)
        now *= factor
        finer = now if loop else now + 1
        tokens = np.zeros((len(keys), finer, *keys.shape[2:]), np.int64)
        there = np.zeros(tokens.shape, bool)
        tokens[:, ::factor], there[:, ::factor] = known, True
        known = draw(dreamer, Given(tokens, there), labels, sampling, seed + now, watch)
    return Filled(known, None, "prior")


def interpolated(latents: Tensor, frames: int, *, loop: bool) -> Tensor:
    """(n, K, D, h, w) -> (n, frames, D, h, w), linear over time; key frames that are met are exact."""
    count = latents.shape[1]
    at = np.arange(frames, dtype=np.float64) * (count / frames if loop else (count - 1) / max(1, frames - 1))
    return at_times(latents, at, loop=loop)


def at_times(latents: Tensor, at: NDArray[np.float64], *, loop: bool) -> Tensor:
    """Latents at times in units of key frames."""
    count = latents.shape[1]
    low = np.floor(at + 1e-9).astype(np.int64)
    share = np.clip(at - low, 0.0, 1.0)
    share[share < 1e-9] = 0.0
    high = (low + 1) % count if loop else np.minimum(low + 1, count - 1)
    weight = torch.from_numpy(share).float().reshape(1, -1, 1, 1, 1)
    return torch.lerp(latents[:, low % count], latents[:, high], weight)


def _smallest_factor(number: int) -> int:
    return next((n for n in range(2, number) if number % n == 0), number)
