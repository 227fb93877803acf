"""Each reason to go back to an earlier state, by a fault that strikes in an otherwise healthy run; and what is no reason."""

from __future__ import annotations

import math
from typing import Any

import next_token
import pytest
import tiny_prior
import torch
from injected import (
    Fault,
    alike,
    events,
    fail_loss,
    finite,
    infinite,
    losses,
    lost_weights,
    nan_images,
    noise,
    strike,
    tensors,
)
from tiny_runs import BOTTLENECKS, session, tiny

import tilework
from tilework.engine import train
from tilework.engine.guard.guard import Guard
from tilework.engine.loop import Loop
from tilework.engine.orders import Order
from tilework.errors import RunFailure
from tilework.runs.folder import RunFolder
from tilework.runs.status import RunStatus, run_status
from tilework.runs.store import RunStore
from tilework.spec.load import parse_spec

STEPS, AT = 110, 72
"""Of a run, and the step at which the fault strikes."""
LONG = (f"engine.steps={STEPS}", "engine.ema_decay=0.9", "optimizer.lr=1e-2")
SPECS = {
    "vq": ("vq",),
    "vq-gradient": ("vq", "bottleneck.codebook=gradient", "objective.codebook=1.0"),
    "rq-muon": ("rq", "optimizer.kind=muon", "optimizer.lr=2e-3"),
    "gaussian": ("gaussian", "optimizer.kind=adamw"),
    "fsq-unclipped": ("fsq", "optimizer.clip_norm=null"),
}


def newest(run: RunFolder) -> float:
    """The mean loss of the last steps."""
    return sum(losses(run)[-10:]) / 10


def payload(run: RunFolder) -> dict[str, Any]:
    """Of the only rollback."""
    (event,) = events(run, "rolled-back")
    return event.payload


# Reasons --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SPECS)
def test_a_loss_that_rises_and_stays(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    spec = tiny(SPECS[name][0], *LONG, *SPECS[name][1:])
    strike(monkeypatch, {AT}, lost_weights)
    run = tilework.train(spec)
    rolled_back = payload(run)
    assert rolled_back["reason"] == "loss-spike"
    assert AT - 35 < rolled_back["back_to"] < AT
    assert rolled_back["loss"] > rolled_back["threshold"] > rolled_back["usual"]
    assert rolled_back["lr_factor"] == 0.5
    assert newest(run) < losses(run)[AT - 20]
    finite(tensors(run))


@pytest.mark.parametrize("fault", [nan_images])
def test_too_many_refused_steps_in_a_row(monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    strike(monkeypatch, range(AT, AT + 5), fault)
    run = tilework.train(tiny("vq", *LONG, "engine.nonfinite_steps=3"))
    rolled_back = payload(run)
    assert rolled_back["reason"] == "not-finite"
    assert rolled_back["in_row"] == 4
    assert "mse" in rolled_back["terms"]
    assert sum(event.payload["count"] for event in events(run, "step-skipped")) == 5
    assert math.isfinite(newest(run))


def infinite_moment(loop: Loop, micro_batches: list[Any]) -> list[Any]:
    """What a huge gradient leaves: its weights never move again, and the loss shows little of it."""
    states = loop.session.parts.stepper.inner.state
    next(iter(states.values()))["exp_avg_sq"].fill_(math.inf)
    return micro_batches


def test_a_moment_that_is_not_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    strike(monkeypatch, {AT}, infinite_moment)
    run = tilework.train(tiny("vq", *LONG))
    assert payload(run)["reason"] == "weights-not-finite"
    assert all(
        torch.isfinite(tensor).all()
        for state in state_of(run)["optimizer"]["state"].values()
        for tensor in state.values()
    )


def state_of(run: RunFolder) -> dict[str, Any]:
    from tilework.engine import checkpoint

    return checkpoint.read_state(checkpoint.find(run.checkpoints))


def nan_statistics(loop: Loop, micro_batches: list[Any]) -> list[Any]:
    """Training does not use them, evaluation does."""
    for name, buffer in loop.session.parts.model.named_buffers():
        if name.endswith("running_var"):
            buffer.fill_(math.nan)
    return micro_batches


@pytest.mark.parametrize("bottleneck", ["vq", "none"])
def test_a_validation_that_is_not_finite(monkeypatch: pytest.MonkeyPatch, bottleneck: str) -> None:
    """A quantiser refuses such weights; elsewhere the loss is NaN."""
    strike(monkeypatch, {47}, nan_statistics)
    run = tilework.train(tiny(bottleneck, "engine.steps=70", "encoder.norm=batch"))
    (event,) = events(run, "rolled-back")
    assert event.payload["reason"] == "validation-not-finite"
    assert all(math.isfinite(value) for value in losses(run, "loss", "val"))
    finite(tensors(run))


def test_a_validation_that_is_not_finite_ends_a_run_without_a_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    strike(monkeypatch, {47}, nan_statistics)
    with pytest.raises(RunFailure, match="held-out pass"):
        tilework.train(tiny("vq", "engine.steps=70", "encoder.norm=batch", "engine.guard.enabled=false"))


@pytest.mark.parametrize("last", [1, 2, 4])
def test_the_last_steps_are_judged_too(monkeypatch: pytest.MonkeyPatch, last: int) -> None:
    """Before the last checkpoint is written, whatever is left of the run."""
    strike(monkeypatch, {STEPS - last + 1}, lost_weights)
    run = tilework.train(tiny("vq", *LONG))
    assert payload(run)["reason"] == "loss-spike"
    clean = losses(run)[-15 - last : -last]
    assert losses(run, "loss", "val")[-1] < 2 * max(clean)


# Other tasks ----------------------------------------------------------------------------------------------------------


def test_a_run_of_another_task_is_guarded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    strike(monkeypatch, {AT}, far_logits)
    raw = next_token.small(engine={"steps": STEPS, "batch_size": 32, "nonfinite_steps": 3})
    run = train(parse_spec(raw, "letters"))
    assert payload(run)["reason"] == "loss-spike"
    assert newest(run) < 1.5 * min(losses(run)[: AT - 1][-20:])


def test_a_prior_is_guarded_too(monkeypatch: pytest.MonkeyPatch, once: Any) -> None:
    (parent,) = once("prior-parent-digits", tiny_prior.parent).iterdir()
    strike(monkeypatch, {AT}, far_logits)
    run = train(tiny_prior.prior(f"engine.steps={STEPS}", parent=str(parent)))
    assert payload(run)["reason"] == "loss-spike"
    assert newest(run) < 1.2 * max(losses(run)[AT - 10 : AT - 1])


def far_logits(loop: Loop, micro_batches: list[Any]) -> list[Any]:
    """Certain of what is wrong."""
    with torch.no_grad():
        for weight in loop.session.parts.model.parameters():
            weight.add_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)) * 20)
    return micro_batches


# The learning rate ----------------------------------------------------------------------------------------------------


def test_the_learning_rate_is_lowered_and_returns_to_its_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    strike(monkeypatch, {AT}, lost_weights)
    own = ("optimizer.lr={kind: linear, start: 2e-3, end: 1e-3, over: 110 steps}", "engine.guard.recover_steps=20")
    run = tilework.train(tiny("vq", *LONG, *own))
    (event,) = events(run, "rolled-back")
    scheduled = [2e-3 - 1e-3 * step / STEPS for step in range(STEPS)]
    factors = [lr / due for lr, due in zip(losses(run, "lr"), scheduled, strict=True)]
    before, after = factors[: event.step], factors[event.step :]
    assert before == pytest.approx([1.0] * len(before))
    assert after[:20] == pytest.approx([0.5 + 0.5 * n / 20 for n in range(20)])
    assert after[20:] == pytest.approx([1.0] * len(after[20:]))


def test_a_learning_rate_that_is_set_by_hand_is_what_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    strike(monkeypatch, {AT}, lost_weights)
    order = Order("set", {"name": "optimizer.lr", "value": 3e-4}, None, STEPS - 5)
    run = train(tiny("vq", *LONG), script=(order,))
    assert payload(run)
    assert losses(run, "lr")[STEPS - 6 :] == pytest.approx([3e-4] * 6)


# The end --------------------------------------------------------------------------------------------------------------


def test_a_run_that_cannot_be_saved_ends_with_its_last_good_state(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        fail_loss(patch, range(AT, 10**6), infinite)
        with pytest.raises(RunFailure, match="mse is infinite or NaN for 3 steps in a row") as failure:
            tilework.train(tiny("vq", "engine.steps=200", "engine.ema_decay=0.9", "engine.nonfinite_steps=2"))
    assert "after 5 rollbacks" in failure.value.what
    run = RunFolder.find("last")
    assert run_status(run) is RunStatus.CRASHED
    back = events(run, "rolled-back")
    assert [event.payload["rollbacks"] for event in back] == [1, 2, 3, 4, 5]
    assert len({event.payload["back_to"] for event in back}) == 1
    with RunStore.open(run.db) as store:
        (finding,) = store.findings("not-recovered")
    assert (finding.severity, finding.payload["reason"]) == ("error", "not-finite")
    finite(tensors(run))
    finite(tensors(run, "best"))
    # The last checkpoint is what the run was when it was healthy, and goes on where its cause is gone.
    again = tilework.resume(run, "engine.steps=130")
    assert run_status(again) is RunStatus.FINISHED
    assert max(losses(again)[-10:]) < 2 * max(losses(again)[AT - 20 : AT - 2])
    assert losses(again, "lr")[-1] < 1e-3  # a run that needed as many goes on more slowly


def test_no_rollback_allowed_ends_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    strike(monkeypatch, {AT}, lost_weights)
    with pytest.raises(RunFailure, match="the loss rose from"):
        tilework.train(tiny("vq", *LONG, "engine.guard.rollbacks=0"))
    run = RunFolder.find("last")
    assert not events(run, "rolled-back")
    finite(tensors(run))


def test_rollbacks_that_are_long_ago_do_not_count() -> None:
    made = session(tiny("none", "engine.guard.rollbacks=2"))
    guard, position = made.guard, made.state.position
    guard.begin()
    guard.rolled, position.step = [100, 200], 900
    assert not guard.can_roll_back
    position.step = 1150
    assert guard.can_roll_back


# No reason ------------------------------------------------------------------------------------------------------------


def test_data_that_changes_is_no_reason_to_go_back_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights of then give the same loss on the new images: it is not the weights."""
    strike(monkeypatch, range(AT, 10**6), noise)
    run = tilework.train(tiny("vq", *LONG, "engine.guard.spike=1.3"))
    assert len(events(run, "rolled-back")) == 1
    (changed,) = events(run, "loss-level-changed")
    assert changed.payload["loss"] > changed.payload["threshold"]
    assert run_status(run) is RunStatus.FINISHED


def test_one_odd_batch_is_no_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    strike(monkeypatch, {AT}, noise)
    run = tilework.train(tiny("vq", *LONG))
    assert losses(run)[AT - 1] > 2 * losses(run)[AT - 2]
    assert not events(run, "rolled-back")


@pytest.mark.parametrize(
    "settings",
    [
        ("objective.mse={kind: staircase, start: 1.0, rise: 50.0, every: 1 epochs, limit: 60}",),
        ("objective.commitment={kind: staircase, start: 0.0, rise: 20.0, every: 1 epochs, limit: 60}",),
    ],
)
def test_a_weight_that_jumps_is_no_reason(settings: tuple[str, ...]) -> None:
    run = tilework.train(tiny("vq", *LONG, *settings))
    assert max(losses(run)[55:60]) > 2 * min(losses(run)[40:48]), "nothing jumps"
    assert not events(run, "rolled-back")


def test_what_is_set_by_hand_is_no_reason() -> None:
    orders = (
        Order("set", {"name": "objective.mse", "value": 0.1}, None, 30),
        Order("set", {"name": "objective.mse", "value": 2.0}, None, 61),
        Order("set", {"name": "bottleneck.decay", "value": 0.5}, None, 70),
        Order("revive", {}, None, 80),
    )
    run = train(tiny("vq", *LONG, "bottleneck.revival.threshold=0.5"), script=orders)
    assert losses(run)[60] > 2 * losses(run)[50]
    assert not events(run, "rolled-back")


class Scaler:
    """As much of a loss scaler as the guard asks."""

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def get_scale(self) -> float:
        return self.scale


@pytest.mark.parametrize(("scale", "alarm"), [(65536.0, False), (1.0, True)])
def test_steps_that_a_loss_scaler_skips_are_no_alarm(
    monkeypatch: pytest.MonkeyPatch, scale: float, alarm: bool
) -> None:
    """Until its scale has come down to nothing."""
    made = session(tiny("none", "engine.nonfinite_steps=2"))
    guard = begun(made)
    monkeypatch.setattr(type(made.parts.compute), "scaler", Scaler(scale))
    found = looked(guard, [(1.0, math.nan)] * 5)
    assert (found.alarm is not None, found.skipped is not None) == (alarm, alarm)


def test_a_loss_that_is_not_finite_is_one_under_a_scaler_too(monkeypatch: pytest.MonkeyPatch) -> None:
    made = session(tiny("none", "engine.nonfinite_steps=2"))
    guard = begun(made)
    monkeypatch.setattr(type(made.parts.compute), "scaler", Scaler(65536.0))
    assert looked(guard, [(math.nan, math.nan)] * 5).alarm is not None


def begun(made: Any) -> Guard:
    made.guard.begin()
    return made.guard


def looked(guard: Guard, measured: list[tuple[float, float]]) -> Any:
    """A look at steps with these losses and norms of the gradient."""
    for loss, norm in measured:
        guard.state.position.step += 1
        guard.note(("loss", "mse", "grad_norm"), torch.tensor([loss, loss, norm]), 1e-3)
    return guard.look({"mse": 1.0}, lambda found: found)


# Nothing goes wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bottleneck", sorted(BOTTLENECKS))
def test_a_healthy_run_is_the_same_bit_for_bit(bottleneck: str) -> None:
    own = ("engine.steps=60", "engine.ema_decay=0.9", "encoder.norm=batch", "optimizer.kind=muon")
    guarded = tilework.train(tiny(bottleneck, *own))
    alone = tilework.train(tiny(bottleneck, *own, "engine.guard.enabled=false"))
    assert not events(guarded, "rolled-back")
    alike(tensors(guarded), tensors(alone))
    assert losses(guarded) == losses(alone)


@pytest.mark.parametrize(("revived_at", "alarm"), [(31, False), (33, True), (20, True)])
def test_a_revival_of_many_codes_explains_a_jump_right_after_it(revived_at: int, alarm: bool) -> None:
    """One that comes when the loss is high already does not, nor one of long ago."""
    made = session(tiny("vq"))
    guard = begun(made)
    found = None
    for step in range(1, 36):
        guard.state.position.step = step
        loss = 0.1 if step <= 30 else 1.0
        row = torch.tensor([loss, loss, 0.0, 8.0 if step == revived_at else 0.0, 1.0])
        guard.note(("loss", "mse", "commitment", "revived.1", "grad_norm"), row, 1e-3)
        if step % 5 == 0:
            found = guard.look({"mse": 1.0, "commitment": 0.25}, lambda rows: rows)
    assert found is not None
    assert (found.alarm is not None) == alarm
