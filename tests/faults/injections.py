"""Faults put into the running program: each a context within which a run is trained."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import nn

from tilework.data.batches import Batches
from tilework.engine.autoencoder import images as image_data
from tilework.engine.tasks.autoencoder import Task
from tilework.objective.lpips import Perceptual


@contextmanager
def built(change: Callable[[Any], None]) -> Iterator[None]:
    """The model is changed as soon as it is built."""
    build = Task.build

    def changed(task: Task) -> nn.Module:
        model = build(task)
        change(task.model)
        return model

    with patch.object(Task, "build", changed):
        yield


@contextmanager
def stepped(change: Callable[[Task, int], None]) -> Iterator[None]:
    """Something happens after each optimiser step; `change` gets the task and how many there were."""
    after, count = Task.after_step, 0

    def changed(task: Task, *given: Any) -> None:
        nonlocal count
        after(task, *given)
        count += 1
        with torch.no_grad():
            change(task, count)

    with patch.object(Task, "after_step", changed):
        yield


@contextmanager
def infinite_gradients(after: int) -> Iterator[None]:
    """From a step on every loss is infinite, as in half precision without clipping."""
    losses, count = Task.losses, 0

    def changed(task: Task, *given: Any) -> Any:
        nonlocal count
        count += 1
        found = losses(task, *given)
        return replace(found, total=found.total * float("inf")) if count > after else found

    with patch.object(Task, "losses", changed):
        yield


@contextmanager
def validation_is_training() -> Iterator[None]:
    """The images that are held out are trained on too."""
    split_by = image_data.split_by

    def leaking(*given: Any, **more: Any) -> Any:
        found = split_by(*given, **more)
        return replace(found, train=np.sort(np.concatenate([found.train, found.validation])))

    with patch.object(image_data, "split_by", leaking):
        yield


def lpips_gives_zero() -> AbstractContextManager[object]:
    """The perceptual term is a constant zero, as where its package was missing."""
    return patch.object(Perceptual, "forward", lambda self, outcome: outcome.recon.sum() * 0)


def codes_repeat() -> AbstractContextManager[object]:
    """Half of the codes are copies of the others every ten steps, as restarts that draw with replacement make them."""

    def repeat(task: Task, count: int) -> None:
        if count >= 20 and count % 10 == 0:
            half, done = task.model.bottleneck.codes_per_level // 2, 0
            for values in task.model.bottleneck.buffers():  # (S, K, ...): codes, sums and counts, by level
                if values.ndim > 1 and values.shape[1] >= 2 * half:
                    values[:, half : 2 * half] = values[:, :half]
                    done += 1
            assert done, "there were no codes to repeat"

    return stepped(repeat)


def encoder_shrinks() -> AbstractContextManager[object]:
    """The last layer of the encoder loses a tenth of itself at each of many steps."""

    def shrink(task: Task, count: int) -> None:
        if count > 30:
            for weight in list(task.model.encoder.parameters())[-2:]:
                weight.mul_(0.9)

    return stepped(shrink)


@contextmanager
def corrupted_batches(every: int) -> Iterator[None]:
    """Now and then a batch is noise."""
    epoch = Batches.epoch

    def corrupted(self: Batches, *given: Any, **more: Any) -> Iterator[Any]:
        for number, batch in enumerate(epoch(self, *given, **more)):
            if torch.rand(()) < 1 / every or number == 7:
                batch = replace(batch, images=torch.rand_like(batch.images))
            yield batch

    with patch.object(Batches, "epoch", corrupted):
        yield


def dead_encoder() -> AbstractContextManager[object]:
    """A bias far below zero before a ReLU: nothing passes, in either direction."""

    def kill(model: Any) -> None:
        with torch.no_grad():
            first = next(m for m in model.encoder.modules() if isinstance(m, nn.Conv2d))
            first.bias.fill_(-1e3)

    return built(kill)


def black_decoder() -> AbstractContextManager[object]:
    """A bias far below zero before the sigmoid: black, whatever comes."""

    def blacken(model: Any) -> None:
        with torch.no_grad():
            last = [m for m in model.decoder.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))][-1]
            last.bias.fill_(-60.0)

    return built(blacken)


def broken_running_statistics() -> AbstractContextManager[object]:
    """Running means and variances of batch norms are those of something else."""

    def spoil(task: Task, count: int) -> None:
        for name, value in task.model.named_buffers():
            if name.endswith("running_var"):
                value.fill_(25.0)
            elif name.endswith("running_mean"):
                value.fill_(2.0)

    return stepped(spoil)


@contextmanager
def slow_batches() -> Iterator[None]:
    """Each batch takes a quarter of a second to come."""
    epoch = Batches.epoch

    def slow(self: Batches, *given: Any, **more: Any) -> Iterator[Any]:
        for batch in epoch(self, *given, **more):
            time.sleep(0.25)
            yield batch

    with patch.object(Batches, "epoch", slow):
        yield
