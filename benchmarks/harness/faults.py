"""Faults that strike a run at chosen steps: the training loop's step is wrapped, the engine itself is as it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch

from tilework.engine.loop import Loop

Fault = Callable[[Loop, list[Any]], list[Any]]
"""Given the loop and the batches of the next step, does its harm and returns those to train on."""


def nan_images(loop: Loop, batches: list[Any]) -> list[Any]:
    """Every pixel is NaN."""
    return [replace(b, images=torch.full_like(b.images, math.nan)) for b in batches]


def infinite_pixel(loop: Loop, batches: list[Any]) -> list[Any]:
    """One pixel of the batch is infinite."""
    images = batches[0].images.clone()
    images[0, 0, 0, 0] = math.inf
    return [replace(batches[0], images=images), *batches[1:]]


def noise(loop: Loop, batches: list[Any]) -> list[Any]:
    """Images that show nothing."""
    return [replace(b, images=torch.rand(b.images.shape, generator=_draw(loop))) for b in batches]


def constant(loop: Loop, batches: list[Any]) -> list[Any]:
    """Images of one grey."""
    return [replace(b, images=torch.full_like(b.images, 0.5)) for b in batches]


def wrong_range(loop: Loop, batches: list[Any]) -> list[Any]:
    """Pixels from 0 to 255."""
    return [replace(b, images=255 * b.images) for b in batches]


def lost_weights(loop: Loop, batches: list[Any]) -> list[Any]:
    """Weights far from where they were."""
    draw = _draw(loop)
    with torch.no_grad():
        for weight in loop.session.parts.model.parameters():
            weight.add_(torch.randn(weight.shape, generator=draw) * 0.5)
    return batches


def long_step(loop: Loop, batches: list[Any]) -> list[Any]:
    """The step before was three hundred times as long."""
    inner = loop.session.parts.stepper.inner
    with torch.no_grad():
        for group in inner.param_groups:
            for weight in group["params"]:
                moments = inner.state.get(weight, {})
                if "exp_avg" in moments:
                    way = moments["exp_avg"] / (moments["exp_avg_sq"].sqrt() + 1e-8)
                    weight.sub_(300 * float(group["lr"]) * way)
                elif "momentum" in moments:
                    weight.sub_(300 * float(group["lr"]) * torch.sign(moments["momentum"]))
    return batches


FAULTS: dict[str, tuple[Fault, int]] = {
    "nan": (nan_images, 14),
    "infinity": (infinite_pixel, 14),
    "lost-weights": (lost_weights, 1),
    "long-step": (long_step, 1),
    "noise": (noise, 6),
    "constant": (constant, 6),
    "wrong-range": (wrong_range, 6),
}
"""By name: what it does, and at most how many steps in a row it lasts."""


@contextmanager
def striking(name: str, steps: Collection[int]) -> Iterator[None]:
    """Within this block every run meets the fault before each of these steps (from 1)."""
    fault, whole = FAULTS[name][0], Loop._step

    def struck(self: Loop, micro_batches: list[Any]) -> None:
        whole(self, fault(self, micro_batches) if self.session.step + 1 in steps else micro_batches)

    Loop._step = struck  # type: ignore[method-assign]
    try:
        yield
    finally:
        Loop._step = whole  # type: ignore[method-assign]


def _draw(loop: Loop) -> torch.Generator:
    return torch.Generator().manual_seed(loop.session.step)
