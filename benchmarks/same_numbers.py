"""tilework and the plain program train alike: the same weights, codes and images in, the same losses out, in float32.

tilework's side is its own session and step (guard, clipping, fused optimiser, chunked search); the plain side is
`peers/plain_vqvae.py`. Only the float32 setting differs from a normal run.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from peers.plain_vqvae import PlainVQVAE, Trainer, build
from systems import system
from torch import nn

TOLERANCE = 1e-3
"""Largest relative difference allowed. Rounding differs between the two orders of summation, and training amplifies it."""


@dataclass(frozen=True)
class Agreement:
    """What both sides measured at each step."""

    ours: list[dict[str, float]]
    plain: list[dict[str, float]]

    @property
    def largest(self) -> tuple[float, str, int]:
        """The largest relative difference, of which loss, at which step (from 1)."""
        found = (
            (abs(a[name] - b[name]) / max(abs(b[name]), 1e-12), name, step)
            for step, (a, b) in enumerate(zip(self.ours, self.plain, strict=True), start=1)
            for name in b
        )
        return max(found)


def compare(name: str, folder: Path, *, steps: int = 5, tiny: bool = False, lpips_weights: str = "") -> Agreement:
    """Train both for a few steps from the same state."""
    from tilework.engine.progress import Silent
    from tilework.engine.session import begin

    chosen = system(name, tiny=tiny)
    chosen.write_frames(folder)
    spec = chosen.spec(folder, lpips_weights=lpips_weights, extra=(f"engine.steps={steps}", "engine.precision=float32"))
    session = begin(spec, Silent())
    parts = session.parts
    parts.task.start(spec.engine.start_batches, Silent())
    model, commitment, lr = build(chosen)
    copy_weights(parts.model, model)
    trainer = Trainer(model, commitment, lr, chosen.lpips, lpips_weights)
    agreement = Agreement([], [])
    for number, batch in enumerate(parts.data.train.epoch(0), start=1):
        plain = trainer.step(batch.images.contiguous())
        values = parts.stepper.step([batch], session.steering.weights(), session.steering.lr()).values
        session.state.position.step += 1
        agreement.plain.append(plain)
        agreement.ours.append({key: float(values[key]) for key in plain})
        if number == steps:
            break
    return agreement


def copy_weights(ours: nn.Module, plain: PlainVQVAE) -> None:
    """Our weights and codebook into the plain program: both list their layers in the order of the forward pass."""
    for part in ("encoder", "decoder"):
        own, theirs = (list(getattr(m, part).parameters()) for m in (ours, plain))
        with torch.no_grad():
            for a, b in zip(own, theirs, strict=True):
                assert a.shape == b.shape, f"{part}: {tuple(a.shape)} against {tuple(b.shape)}"
                b.copy_(a)
    state = ours.state_dict()
    for buffer, key in (("embedding", "codes"), ("count", "count"), ("total", "total")):
        getattr(plain.quantiser, buffer).copy_(state[f"bottleneck.book.{key}"][0])
