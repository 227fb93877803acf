"""Before the first step: codes placed among the encoder's outputs for many batches."""

from __future__ import annotations

from itertools import islice

import torch

from tilework.data import Batches
from tilework.engine.autoencoder.model import Autoencoder, to_points
from tilework.engine.compute import Compute

POINTS_PER_CODE = 32
MOST_POINTS = 65_536


@torch.no_grad()
def start_codes(compute: Compute, model: Autoencoder, batches: Batches, count: int, seed: int) -> int:
    """Encode `count` batches and let the bottleneck place its codes by k-means; returns the number of points used.

    Batch statistics are those of each batch (as in the first training steps) and are put back afterwards. `batches` gives
    every rank the same images, so all ranks compute the same codes; rank 0's are broadcast so that rounding cannot part them.
    """
    bottleneck = model.bottleneck
    if not bottleneck.wants_start:
        return 0
    generator = torch.Generator().manual_seed(seed)
    most = min(MOST_POINTS, max(8192, POINTS_PER_CODE * bottleneck.codes_per_level))
    share = max(1, most // min(count, batches.steps_per_epoch))
    kept = {name: buffer.clone() for name, buffer in model.encoder.named_buffers()}
    points = []
    for batch in islice(batches.epoch(0), count):
        with compute.autocast():
            h = model.encoder(batch.images)
        some = to_points(h.float())
        if len(some) > share:
            some = some[torch.randperm(len(some), generator=generator)[:share].to(some.device)]
        points.append(some)
    for name, buffer in model.encoder.named_buffers():
        buffer.copy_(kept[name])
    bottleneck.start(torch.cat(points), generator)
    compute.copy_from_main([*bottleneck.parameters(), *bottleneck.buffers()])
    return sum(len(p) for p in points)
