"""A refused step changes nothing that a checkpoint keeps but counters, and is written down with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from injected import (
    alike,
    events,
    fail_loss,
    infinite,
    infinite_value,
    losses,
    nan_gradient,
    nan_images,
    one_infinite_pixel,
    strike,
)
from safetensors.torch import load_file
from tiny_runs import tiny
from torch import Tensor

import tilework
from tilework.runs.folder import RunFolder

BAD = 6
"""The step that is refused."""
EVERY_STEP = (
    "engine.steps=9",
    "engine.save_every_steps=1",
    "engine.keep_checkpoints=20",
    "engine.ema_decay=0.9",
    "encoder.norm=batch",
)
REVIVAL = "bottleneck.revival={threshold: 0.9, patience: 1, cooldown: 0}"
SPECS = {
    "vq": ("vq", REVIVAL),
    "vq-gradient": ("vq", "bottleneck.codebook=gradient", "objective.codebook=1.0", REVIVAL),
    "vq-cosine": ("vq", "bottleneck.codebook=gradient", "objective.codebook=1.0", "bottleneck.distance=cosine"),
    "vq-simvq": ("vq", "bottleneck.codebook=simvq", "objective.codebook=1.0", REVIVAL),
    "rq-muon": ("rq", "optimizer.kind=muon", REVIVAL),
    "gaussian": ("gaussian", "optimizer.kind=adamw", "optimizer.clip_norm=null"),
    "accumulated": ("vq", "optimizer.accumulate=2"),
}


def kept(run: RunFolder, step: int) -> dict[str, Tensor]:
    """Weights, buffers, averages and the optimiser's state after a step; a count of batches is no statistic of them."""
    folder: Path = run.checkpoints / f"step-{step:08d}"
    state = torch.load(folder / "state.pt", weights_only=True)
    found = {f"average.{name}": tensor for name, tensor in load_file(folder / "ema.safetensors").items()}
    found |= {
        name: t
        for name, t in load_file(folder / "model.safetensors").items()
        if not name.endswith("num_batches_tracked")
    }
    for number, tensors in state["optimizer"]["state"].items():
        found |= {f"optimizer.{number}.{name}": tensor for name, tensor in tensors.items()}
    return found


@pytest.mark.parametrize("name", SPECS)
def test_a_refused_step_leaves_everything_as_it_was(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    fail_loss(monkeypatch, {BAD}, infinite)
    run = tilework.train(tiny(SPECS[name][0], *EVERY_STEP, *SPECS[name][1:]))
    alike(kept(run, BAD), kept(run, BAD - 1))
    before, after = kept(run, BAD), kept(run, BAD + 1)
    assert any(not torch.equal(tensor, before[key]) for key, tensor in after.items())
    (event,) = events(run, "step-skipped")
    assert event.payload == {"first": BAD, "last": BAD, "count": 1, "terms": ["mse"]}


def test_a_loss_that_is_not_finite_refuses_the_step_also_where_its_gradient_is(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_loss(monkeypatch, {BAD}, infinite_value)
    run = tilework.train(tiny("vq", *EVERY_STEP))
    alike(kept(run, BAD), kept(run, BAD - 1))
    assert events(run, "step-skipped")[0].payload["terms"] == ["mse"]


def test_a_gradient_that_is_not_finite_refuses_the_step_also_where_its_loss_is(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_loss(monkeypatch, {BAD}, nan_gradient)
    run = tilework.train(tiny("vq", *EVERY_STEP))
    alike(kept(run, BAD), kept(run, BAD - 1))
    assert events(run, "step-skipped")[0].payload["terms"] == []
    assert all(map(torch.isfinite, torch.tensor(losses(run))))


@pytest.mark.parametrize("fault", [nan_images, one_infinite_pixel])
@pytest.mark.parametrize("bottleneck", ["vq", "gaussian", "fsq"])
def test_images_that_are_not_finite_change_nothing(
    monkeypatch: pytest.MonkeyPatch, bottleneck: str, fault: object
) -> None:
    strike(monkeypatch, {BAD}, fault)  # type: ignore[arg-type]
    run = tilework.train(tiny(bottleneck, *EVERY_STEP))
    alike(kept(run, BAD), kept(run, BAD - 1))
    assert "mse" in events(run, "step-skipped")[0].payload["terms"]


def test_steps_that_are_skipped_between_two_rows_are_all_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_loss(monkeypatch, {2, 7, 9, 13}, infinite)
    run = tilework.train(tiny("none", "engine.steps=17", "engine.log_every_steps=17"))
    skipped = [(e.payload["first"], e.payload["last"], e.payload["count"]) for e in events(run, "step-skipped")]
    assert skipped == [(2, 2, 1), (7, 9, 2), (13, 13, 1)]
