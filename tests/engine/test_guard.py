"""The gradient guard: what is not finite changes nothing, is counted, and ends a run that does not recover."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import batches, session, tiny, weights_of
from torch import Tensor

import tilework
from tilework.bottlenecks import Latent
from tilework.data import Batch
from tilework.engine.step import Stepper
from tilework.errors import RunFailure
from tilework.objective.mse import MeanSquaredError
from tilework.runs.folder import RunFolder
from tilework.runs.status import RunStatus, run_status
from tilework.runs.store import RunStore


def step(made: Any, micro: Sequence[Batch], weights: Mapping[str, float] | None = None, lr: float = 1e-2) -> Any:
    return made.parts.stepper.step(list(micro), made.steering.weights() if weights is None else weights, lr)


@pytest.mark.parametrize("bad", [float("inf"), float("-inf"), float("nan")])
@pytest.mark.parametrize("clip", ["1.0", "null"])
def test_a_step_that_is_not_finite_changes_no_weight_and_no_moment(bad: float, clip: str) -> None:
    made = session(tiny("vq", f"optimizer.clip_norm={clip}", "bottleneck.codebook=gradient", "objective.codebook=1.0"))
    micro = batches(made, 4)
    step(made, micro[:1])
    before, state = weights_of(made), made.parts.stepper.inner.state_dict()["state"]
    moments = {k: {n: t.clone() for n, t in s.items()} for k, s in state.items()}
    for count in (1, 2):
        result = step(made, micro[1:2], {**made.steering.weights(), "mse": bad})
        assert not torch.isfinite(result.values["grad_norm"])
        assert int(made.parts.stepper.skipped_in_row) == count
    for name, weight in weights_of(made).items():
        assert torch.equal(weight, before[name]), name
    for key, tensors in made.parts.stepper.inner.state_dict()["state"].items():
        for name, tensor in tensors.items():
            assert torch.equal(tensor, moments[key][name]), name
    step(made, micro[2:3])
    assert int(made.parts.stepper.skipped_in_row) == 0
    assert any(not torch.equal(w, before[n]) for n, w in weights_of(made).items())
    assert all(torch.isfinite(w).all() for w in weights_of(made).values())


@pytest.mark.parametrize("clip_norm", [1e-3, 0.05, 1e6])
def test_clipping_is_that_of_the_definition(clip_norm: float) -> None:
    """Adam's first moment after one step is (1 - beta1) times the gradient that it was given."""
    made = session(tiny("none", f"optimizer.clip_norm={clip_norm}"))
    (batch,) = batches(made, 1)
    loss = made.parts.task.losses(made.parts.stepper.model, batch, made.steering.weights()).total
    parameters = [p for p in made.parts.model.parameters() if p.requires_grad]
    gradients = torch.autograd.grad(loss, parameters)
    norm = torch.cat([g.double().flatten() for g in gradients]).norm().item()
    assert step(made, [batch]).values["grad_norm"].item() == pytest.approx(norm, rel=1e-5)
    factor = min(1.0, clip_norm / norm)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        given = made.parts.stepper.inner.state[parameter]["exp_avg"] / (1 - 0.9)
        torch.testing.assert_close(given, gradient * factor, rtol=1e-3, atol=1e-9)


@pytest.mark.parametrize("bottleneck", ["none", "vq"])
def test_two_half_batches_accumulated_equal_the_whole_one(bottleneck: str) -> None:
    """Half the batch twice against the batch once, for a net without batch norm."""
    # Codes that start by the first forward pass would start by half a batch here and by a whole one there.
    start = ["bottleneck.start=random"] if bottleneck == "vq" else []
    one = session(tiny(bottleneck, "engine.batch_size=64", "optimizer.clip_norm=0.1", *start))
    two = session(tiny(bottleneck, "engine.batch_size=32", "optimizer.accumulate=2", "optimizer.clip_norm=0.1", *start))
    for number in range(3):
        (whole,) = [b for n, b in enumerate(one.parts.data.train.epoch(0)) if n == number]
        halves = [Batch(whole.images[h], whole.labels[h], whole.index[h]) for h in (slice(32), slice(32, 64))]
        alone, both = step(one, [whole]), step(two, halves)
        for name in ("loss", "mse", "grad_norm"):
            torch.testing.assert_close(both.values[name], alone.values[name], rtol=1e-5, atol=1e-6)
        counts = [sum(latent.stats["counts"] for latent in side.kept) for side in (both, alone) if bottleneck == "vq"]
        assert not counts or torch.equal(*counts)
    for name, weight in weights_of(one).items():
        torch.testing.assert_close(weights_of(two)[name], weight, rtol=0, atol=1e-6, msg=name)
    for ours, theirs in zip(
        two.parts.model.bottleneck.codebooks(), one.parts.model.bottleneck.codebooks(), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def fail_from(monkeypatch: pytest.MonkeyPatch, first: int, last: int) -> None:
    """Make the mean squared error of training steps `first` to `last` (from 1) infinite, and with it the gradient."""
    original, taken = Stepper.step, [0]
    forward = MeanSquaredError.forward

    def counted(self: Stepper, *arguments: Any) -> Any:
        taken[0] += 1
        return original(self, *arguments)

    def burst(self: MeanSquaredError, outcome: Any) -> Tensor:
        value = forward(self, outcome)
        return value * float("inf") if self.training and first <= taken[0] <= last and value.requires_grad else value

    monkeypatch.setattr(Stepper, "step", counted)
    monkeypatch.setattr(MeanSquaredError, "forward", burst)


def test_a_run_that_recovers_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_from(monkeypatch, 3, 5)
    run = tilework.train(tiny("vq", "engine.steps=9", "engine.nonfinite_steps=3"))
    assert run_status(run) is RunStatus.FINISHED
    with RunStore.open(run.db) as store:
        (skipped,) = store.events("step-skipped")
        assert skipped.payload == {"first": 3, "last": 5, "count": 3, "terms": ["mse"]}
        assert not store.events("rolled-back")
        loss = store.metrics("loss")[1]
    assert [bool(torch.isfinite(torch.tensor(v))) for v in loss] == [True] * 2 + [False] * 3 + [True] * 4


def test_an_infinite_activation_does_not_stay_in_the_batch_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batch norm takes its statistics in the forward pass, before any gradient can be judged."""
    original, taken = Stepper.step, [0]

    def spoilt(self: Stepper, micro: list[Batch], *arguments: Any) -> Any:
        taken[0] += 1
        if taken[0] == 3:
            images = micro[0].images.clone()
            images[0, 0, 0, 0] = float("inf")
            micro = [Batch(images, micro[0].labels, micro[0].index)]
        return original(self, micro, *arguments)

    monkeypatch.setattr(Stepper, "step", spoilt)
    run = tilework.train(tiny("vq", "encoder.norm=batch", "engine.steps=6", "engine.save_every_steps=1"))
    assert run_status(run) is RunStatus.FINISHED
    last = json.loads((run.checkpoints / "last.json").read_text())["folder"]
    tensors = load_file(run.checkpoints / last / "model.safetensors")
    assert any(name.endswith("running_var") for name in tensors)
    for name, tensor in tensors.items():
        assert torch.isfinite(tensor.float()).all(), name
    with RunStore.open(run.db) as store:
        assert [event.payload["first"] for event in store.events("step-skipped")] == [3]


def test_a_run_that_does_not_recover_is_stopped_with_a_finite_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """With no guard; with one: test_guard_rollback.py."""
    fail_from(monkeypatch, 3, 10**9)
    off = ("engine.guard.enabled=false", "engine.steps=50", "engine.nonfinite_steps=4", "engine.save_every_steps=2")
    with pytest.raises(RunFailure) as failure:
        tilework.train(tiny("vq", *off))
    assert "step 7" in failure.value.what  # 3 to 7: five in a row, more than four
    assert "mse" in failure.value.what
    assert "clip_norm" in failure.value.fix
    run = RunFolder.find("last")
    assert run_status(run) is RunStatus.CRASHED
    with RunStore.open(run.db) as store:
        (event,) = store.events("failed")
    assert "mse" in event.payload["what"]
    last = json.loads((run.checkpoints / "last.json").read_text())["folder"]
    for name, tensor in load_file(run.checkpoints / last / "model.safetensors").items():
        assert torch.isfinite(tensor.float()).all(), name


def test_zero_tolerance_stops_at_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_from(monkeypatch, 2, 2)
    with pytest.raises(RunFailure, match="step 2"):
        tilework.train(tiny("none", "engine.nonfinite_steps=0", "engine.guard.enabled=false"))


def test_the_latents_are_handed_on_for_whoever_watches() -> None:
    made = session(tiny("vq"))
    result = step(made, batches(made, 2))
    assert len(result.kept) == 2
    assert all(isinstance(latent, Latent) for latent in result.kept)


def test_weights_that_make_a_held_out_pass_infinite_are_a_failure_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are finite themselves, so no step was refused; the images of a person have nothing to do with it."""
    original = Stepper.step

    def blown_up(self: Stepper, *arguments: Any) -> Any:
        result = original(self, *arguments)
        with torch.no_grad():
            for weights in self.parameters:
                weights.mul_(1e25)
        return result

    monkeypatch.setattr(Stepper, "step", blown_up)
    with pytest.raises(RunFailure, match="held-out pass") as failed:
        tilework.train(tiny("vq", "engine.steps=1", "engine.guard.enabled=false"))
    assert failed.value.exit_code == 1
    assert failed.value.fix
