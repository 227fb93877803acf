"""How long a training step of a proposal takes here: a few real steps, on the images that were looked at."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tilework.data import Batch
from tilework.data.media.fit import fit_image
from tilework.engine.autoencoder.model import build_model, source_of
from tilework.engine.autoencoder.usage_window import UsageWindow
from tilework.engine.compute import Compute
from tilework.engine.preflight.alone import Alone
from tilework.engine.step import Stepper, make_optimizer
from tilework.engine.tasks.autoencoder import Task
from tilework.engine.tasks.contract import fork_rng
from tilework.objective import TermConfig
from tilework.objective.total import Objective
from tilework.spec import AutoencoderSpec

_WARM, _MOST, _SECONDS = 2, 24, 1.5


def step_seconds(spec: AutoencoderSpec, images: Sequence[NDArray[np.uint8]]) -> float:
    """Median seconds of a step of this spec on this machine. Nothing is written, and random numbers are given back."""
    compute = Alone(Compute(spec.engine))
    with fork_rng(compute.device):
        torch.manual_seed(spec.seed)
        task = Task(spec, compute)
        task.objective = Objective(cast(Mapping[str, TermConfig], spec.objective))
        task.model = build_model(spec)
        task.window = UsageWindow()
        layout = torch.channels_last if spec.engine.channels_last else torch.contiguous_format
        task.model.to(compute.device).to(memory_format=layout)
        task.placed()
        optimizer = make_optimizer(spec.optimizer, task.model, compute.device)
        stepper = Stepper(compute, task.model, task, compute.scaling(optimizer), spec.optimizer.clip_norm)
        batch = _batch(spec, images, compute.device, layout)
        weights = {name: schedule.bounds[1] for name, schedule in task.weights().items()}
        task.model.train()
        began, took = time.perf_counter(), list[float]()
        while len(took) < _WARM + 2 or (len(took) < _MOST and time.perf_counter() - began < _SECONDS):
            start = time.perf_counter()
            # Reading the loss waits for the device.
            float(stepper.step([batch], weights, spec.optimizer.lr.bounds[1]).values["loss"])
            took.append(time.perf_counter() - start)
    return statistics.median(took[_WARM:])


def _batch(
    spec: AutoencoderSpec, images: Sequence[NDArray[np.uint8]], device: torch.device, layout: torch.memory_format
) -> Batch:
    source = source_of(spec)
    count = spec.engine.batch_size
    if images:
        fitted = [fit_image(image, source.size, source.channels, "crop") for image in images[:count]]
    else:  # what is not drawn yet costs as much as noise
        noise = np.random.default_rng(spec.seed)
        fitted = [noise.integers(0, 256, (source.size.height, source.size.width, source.channels), dtype=np.uint8)]
    pixels = np.stack([fitted[number % len(fitted)] for number in range(count)])
    whole: Tensor = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float().div(255)
    nothing = torch.full((count,), -1, dtype=torch.int64, device=device)
    return Batch(whole.contiguous(memory_format=layout), nothing, nothing)
