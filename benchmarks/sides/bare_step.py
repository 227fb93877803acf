"""The same model, batches, precision and optimiser as the real loop, in the shortest loop that trains it.

No gradient norm, no guard, no usage figures, no run folder: what the real loop takes longer is what all of those cost.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
import torch.nn.functional as F
from harness.sides import Window, print_result, side_arguments
from systems import system
from torch import Tensor

from tilework.data import Batches, prepare, split_by
from tilework.engine.autoencoder.model import build_model, source_of, to_points
from tilework.engine.compute import Compute
from tilework.engine.describe import parameter_count
from tilework.spec import RunSpec


def endless(spec: RunSpec) -> Iterator[Tensor]:
    """Batches (B, C, H, W), epoch after epoch."""
    store = prepare(source_of(spec))
    batches = Batches(store, split_by(store, source_of(spec).split).train, spec.engine.batch_size, seed=spec.seed)
    epoch = 0
    while True:
        for batch in batches.epoch(epoch):
            yield batch.images
        epoch += 1


def main() -> None:
    given = side_arguments(__doc__ or "")
    chosen = system(given.system, tiny=given.tiny)
    spec = chosen.spec(given.folder, extra=(f"engine.steps={given.warm + given.steps}",))
    # Sets up the process (threads, memory) as the real loop does; nothing below goes through it.
    precision = Compute(spec.engine).precision
    torch.manual_seed(spec.seed)
    model = build_model(spec).to(memory_format=torch.channels_last)
    model.bottleneck.deferred = True
    optimizer = torch.optim.Adam(model.parameters(), lr=spec.optimizer.lr.start_value, fused=True)
    weights = {name: term.weight.start_value for name, term in spec.objective.items()}  # type: ignore[attr-defined]
    images = endless(spec)
    with torch.no_grad():
        points = torch.cat([to_points(model.encoder(next(images))) for _ in range(8)])
        model.bottleneck.start(points, torch.Generator().manual_seed(0))
    window = Window(given.warm, given.steps)
    loss = torch.zeros(())
    first = 0.0
    for step in range(1, window.last + 1):
        x = next(images)
        with torch.autocast("cpu", torch.bfloat16) if precision == "bf16" else nullcontext():
            recon, latent = model(x)
        loss = weights["mse"] * F.mse_loss(recon.float(), x)
        for name, value in latent.losses.items():
            loss = loss + weights[name] * value
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        model.bottleneck.update()
        window.passed(step)
        if step == 1:
            first = loss.item()
    print_result(window.result(chosen.batch, [first, loss.item()], parameter_count(model), precision=precision))


if __name__ == "__main__":
    main()
