"""The values that a step uses: schedules, their cuts, and what was set by hand instead."""

from __future__ import annotations

import pytest
from tiny_runs import session, tiny

RAMP = "{kind: linear, start: 0.05, end: 0.25, over: 2 epochs}"
CUT = "{kind: plateau, start: 0.4, factor: 0.5, minimum: 0.15}"


def test_weights_follow_their_schedules_and_their_cuts() -> None:
    made = session(tiny("vq", f"objective.commitment={RAMP}", f"objective.l1={CUT}", f"optimizer.lr={CUT}"))
    steering, state = made.steering, made.state
    assert steering.weights() == {"mse": 1.0, "commitment": pytest.approx(0.05), "l1": 0.4}
    state.position.step = made.parts.budget.steps_per_epoch
    assert steering.weights()["commitment"] == pytest.approx(0.15)
    for cuts, value in enumerate((0.4, 0.2, 0.15)):
        state.judgement.plateaus["l1"].cuts = cuts
        assert steering.weights()["l1"] == value
        assert steering.lr() == 0.4, "each schedule has cuts of its own"
    state.judgement.plateaus["lr"].cuts = 1
    assert steering.lr() == 0.2
    assert steering.final_weights() == {"mse": 1.0, "commitment": 0.25, "l1": 0.4}, "at their end, and never cut"


def test_what_is_set_by_hand_replaces_the_schedule_and_is_what_the_step_used() -> None:
    made = session(tiny("vq", f"objective.commitment={RAMP}"))
    before = made.steering.set("objective.commitment", 0.7)
    assert before == pytest.approx(0.05)
    assert made.steering.weights()["commitment"] == made.steering.final_weights()["commitment"] == 0.7
    made.state.position.step = 1
    assert made.steering.used() == {"weight.mse": 1.0, "weight.commitment": 0.7, "lr": 1e-3}
    assert made.steering.values()["objective.commitment"] == 0.7


def test_a_weight_that_means_another_loss_begins_the_judgement_again() -> None:
    made = session(tiny("vq", f"optimizer.lr={CUT}"))
    judged = made.state.judgement
    judged.best.improved(0.5, 0.0)
    judged.plateaus["lr"].cuts = 1
    made.steering.set("optimizer.lr", 1e-2)
    assert judged.best.best == 0.5, "the loss means what it meant"
    made.steering.set("objective.mse", 2.0)
    assert judged.best.best == float("inf")
    assert judged.plateaus["lr"].cuts == 1
