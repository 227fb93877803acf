"""Forward pass, losses, statistics and a live frame of every bottleneck on a CUDA device: nothing is left on the host, and inside
the step nothing waits for the device. (The bottlenecks alone: tests/bottlenecks/test_cuda_without_a_gpu.py.)"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from fake_cuda import WAITS, fake_cuda, gradients, on_one_device
from tiny_runs import BOTTLENECKS, batches, session, tiny

from tilework.data import Batch
from tilework.engine.autoencoder.usage_window import UsageWindow
from tilework.engine.averaging import WeightAverage
from tilework.engine.guard.statistics import BatchStatistics
from tilework.engine.session import Session
from tilework.engine.tally import Tally
from tilework.objective.mse import MeanSquaredError

SETTINGS = ("encoder.norm=batch", "bottleneck.start=random")


def trained(kind: str) -> Session:
    """A run that has taken its first step on the CPU: what the host reads from the state, it has read."""
    own = SETTINGS if kind in {"vq", "rq"} else SETTINGS[:1]
    made = session(tiny(kind, *own))
    made.parts.stepper.step(batches(made, 1), made.steering.weights(), 1e-3)
    return made


def blank(count: int = 32) -> Batch:
    labels = torch.zeros(count, dtype=torch.int64, device="cuda")
    return Batch(torch.rand(count, 1, 16, 16, device="cuda"), labels, labels)


def step(made: Session, tally: Tally, statistics: BatchStatistics) -> None:
    """All of a step but the backward pass and the optimiser, which want a driver."""
    parts, task = made.parts, made.parts.task
    statistics.keep()
    found = [task.losses(parts.model, blank(), made.steering.weights()) for _ in range(2)]
    assert all(one.total.requires_grad and one.total.device.type == "cuda" for one in found)
    values = {name: torch.stack([one.values[name] for one in found]).mean(0) for name in found[0].values}
    assert all(value.device.type == "cuda" for value in values.values())
    gradients(parts.model)
    norm = torch.nn.utils.get_total_norm([p.grad for p in parts.model.parameters() if p.grad is not None])
    refused = ~torch.isfinite(norm)
    statistics.put_back(refused)
    task.after_step([one.kept for one in found], refused)
    average = WeightAverage(parts.model, 0.9)
    average.update(refused)
    tally.add({**values, "grad_norm": norm})


@pytest.mark.parametrize("kind", sorted(BOTTLENECKS))
def test_a_step_waits_for_nothing(kind: str) -> None:
    made = trained(kind)
    with fake_cuda(made.parts.model, made.parts.task.objective):
        made.parts.task.window = UsageWindow()
        tally, statistics = Tally(), BatchStatistics(made.parts.model)
        step(made, tally, statistics)  # constants are made in the first
        with on_one_device():
            step(made, tally, statistics)


@pytest.mark.parametrize("kind", sorted(BOTTLENECKS))
def test_a_live_frame_is_made_on_the_device(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame is fetched, so it may wait; but everything that it is computed from must be on the device."""
    made = trained(kind)
    probe = made.parts.task.view(made.parts.judged_weights)
    types = {torch.uint8: np.uint8, torch.int16: np.int16, torch.int32: np.int32, torch.int64: np.int64}
    types[torch.float32] = np.float32
    with fake_cuda(made.parts.model, made.parts.task.objective), monkeypatch.context() as patch:
        patch.setattr(torch.Tensor, "numpy", lambda self: np.zeros(tuple(self.shape), types[self.dtype]))
        object.__setattr__(probe.view, "device", torch.device("cuda"))
        patch.setattr(type(probe.view), "_batch", lambda self, chosen: blank(min(len(chosen), 16)))
        patch.setattr(type(made.parts.model), "forward", forward)
        made.parts.task.window = probe.window = UsageWindow()
        found = made.parts.task.losses(made.parts.model, blank(), made.steering.weights())
        made.parts.task.after_step([found.kept])
        gradients(made.parts.model)
        probe.stepped([found.kept], [blank()])
        probe.gradients()
        motion = probe.motion(7, gradients=True)
        assert {"points", "labels"} <= motion.keys()
        learns = bool(made.parts.model.bottleneck.codebooks())
        assert ("usage" in motion) == (made.parts.model.bottleneck.levels > 0)
        assert ("idle" in motion) == learns
        reconstructions = probe.reconstructions()
        assert reconstructions["recon"].shape == (16, 16, 16, 1)
        if learns:
            assert probe.decoded.arrays(made.parts.model.bottleneck.codebooks(), whole=True)


def forward(self, x):
    """In evaluation mode a bottleneck refuses what is not finite, for which it has to wait: here it infers."""
    if self.training:
        latent = self.bottleneck(self.encoder(x))
    else:
        codes, z = self.bottleneck.infer(self.encoder(x))
        latent = type("Seen", (), {"codes": codes, "z": z})
    return self.decoder(latent.z), latent


def test_a_loss_that_waits_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = MeanSquaredError.forward
    monkeypatch.setattr(
        MeanSquaredError, "forward", lambda self, outcome: whole(self, outcome) * outcome.recon.mean().item()
    )
    made = trained("vq")
    with fake_cuda(made.parts.model, made.parts.task.objective), pytest.raises(WAITS):
        step(made, Tally(), BatchStatistics(made.parts.model))


def test_a_loss_that_stays_behind_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    scale = torch.ones(3)
    whole = MeanSquaredError.forward
    monkeypatch.setattr(MeanSquaredError, "forward", lambda self, outcome: (whole(self, outcome) * scale).sum())
    made = trained("vq")
    with fake_cuda(made.parts.model, made.parts.task.objective), pytest.raises((AssertionError, RuntimeError)):
        step(made, Tally(), BatchStatistics(made.parts.model))
