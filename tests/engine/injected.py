"""Faults for tests of the guard: they strike at given steps (from 1), also in a resumed and in a repeated run."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tilework.data import Batch
from tilework.engine.loop import Loop
from tilework.objective.mse import MeanSquaredError
from tilework.runs.folder import RunFolder
from tilework.runs.records import Event
from tilework.runs.store import RunStore

Fault = Callable[[Loop, list[Any]], list[Any]]
"""Given the loop and the micro-batches of the next step, does its harm and returns those to train on."""


def strike(monkeypatch: pytest.MonkeyPatch, steps: Collection[int], fault: Fault) -> None:
    """Let `fault` strike before each of these steps."""
    whole = Loop._step

    def struck(self: Loop, micro_batches: list[Any]) -> None:
        if self.session.step + 1 in steps:
            micro_batches = fault(self, micro_batches)
        whole(self, micro_batches)

    monkeypatch.setattr(Loop, "_step", struck)


def lost_weights(loop: Loop, micro_batches: list[Any]) -> list[Any]:
    """Weights far from where they were, as one step that was much too long leaves them."""
    generator = torch.Generator().manual_seed(loop.session.step)
    with torch.no_grad():
        for weight in loop.session.parts.model.parameters():
            weight.add_(torch.randn(weight.shape, generator=generator) * 0.5)
    return micro_batches


def noise(loop: Loop, micro_batches: list[Any]) -> list[Any]:
    """Images that show nothing."""
    generator = torch.Generator().manual_seed(loop.session.step)
    return [replace(b, images=torch.rand(b.images.shape, generator=generator)) for b in micro_batches]


def nan_images(loop: Loop, micro_batches: list[Any]) -> list[Any]:
    """Images without a number."""
    return [replace(b, images=torch.full_like(b.images, math.nan)) for b in micro_batches]


def one_infinite_pixel(loop: Loop, micro_batches: list[Batch]) -> list[Batch]:
    """Its activations are infinite, those of the other images are not."""
    images = micro_batches[0].images.clone()
    images[0, 0, 0, 0] = math.inf
    return [replace(micro_batches[0], images=images), *micro_batches[1:]]


def fail_loss(monkeypatch: pytest.MonkeyPatch, steps: Collection[int], bad: Callable[[Tensor, Any], Tensor]) -> None:
    """Let the mean squared error of training be `bad(value, outcome)` in these steps."""
    now = [0]
    forward = MeanSquaredError.forward

    def noted(loop: Loop, micro_batches: list[Any]) -> list[Any]:
        now[0] = loop.session.step + 1
        return micro_batches

    def spoilt(self: MeanSquaredError, outcome: Any) -> Tensor:
        value = forward(self, outcome)
        return bad(value, outcome) if self.training and now[0] in steps and value.requires_grad else value

    strike(monkeypatch, range(10**6), noted)
    monkeypatch.setattr(MeanSquaredError, "forward", spoilt)


def infinite(value: Tensor, outcome: Any) -> Tensor:
    """The value and its gradient."""
    return value * math.inf


def infinite_value(value: Tensor, outcome: Any) -> Tensor:
    """The value alone: its gradient is what it was."""
    return value + math.inf


def nan_gradient(value: Tensor, outcome: Any) -> Tensor:
    """The gradient alone: the square root of 0 has an infinite one."""
    return value + (0 * outcome.recon).sum().sqrt()


def events(run: RunFolder, kind: str) -> list[Event]:
    """What happened and was not trained again since."""
    with RunStore.open(run.db) as store:
        return [event for event in store.events(kind) if not event.rewound]


def losses(run: RunFolder, name: str = "loss", split: str = "train") -> list[float]:
    """The rows of a metric."""
    with RunStore.open(run.db) as store:
        return [float(value) for value in store.metrics(name, split)[1]]


def tensors(run: RunFolder, which: str = "last") -> dict[str, Tensor]:
    """Weights, buffers and averages of a checkpoint."""
    from tilework.runs.checkpoints import in_force

    folder = in_force(run.checkpoints, which)
    assert folder is not None
    found = load_file(folder / "model.safetensors")
    if (folder / "ema.safetensors").is_file():
        found |= {f"average.{name}": tensor for name, tensor in load_file(folder / "ema.safetensors").items()}
    return found


def alike(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    """The same bit for bit."""
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        assert torch.equal(tensor, theirs[name]), name


def finite(found: dict[str, Tensor]) -> None:
    """No weight is lost."""
    for name, tensor in found.items():
        assert torch.isfinite(tensor.float()).all(), name
