"""Steps whose gradient is far beyond those before: refused once or a few times, and never for good."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from injected import alike, events, losses, lost_weights, strike
from test_guard_resume import OWN, killed, same
from test_guard_skips import kept
from tiny_runs import tiny

import tilework
from tilework.engine.guard.history import Entry
from tilework.engine.guard.limit import ENOUGH, FAR, MANY, Limit
from tilework.engine.loop import Loop
from tilework.engine.replay import replay
from tilework.engine.step import MOST_FAR
from tilework.runs.guarding import guard_text

BAD = 45
EVERY_STEP = ("engine.steps=60", "engine.save_every_steps=1", "engine.keep_checkpoints=30", "engine.ema_decay=0.9")


def wrong_range(loop: Loop, micro_batches: list[Any]) -> list[Any]:
    """Pixels to 255."""
    return [replace(batch, images=255 * batch.images) for batch in micro_batches]


def entries(*norms: float) -> list[Entry]:
    return [Entry(step, 1e-3, {"loss": 1.0, "grad_norm": norm}) for step, norm in enumerate(norms)]


def test_it_is_a_hundred_times_the_largest_of_enough_steps() -> None:
    limit = Limit()
    limit.learn(entries(*[1.0] * (ENOUGH - 1)), [], {"mse": 1.0}, 30)
    assert limit.under({"mse": 1.0}) == math.inf
    limit.learn(entries(*[1.0] * ENOUGH, 3.0, math.nan), [], {"mse": 1.0, "kl": 0.0}, 30)
    assert limit.under({"mse": 1.0, "kl": 0.0}) == 3.0 * FAR
    assert limit.under({"mse": 1.9}) == 3.0 * FAR
    for moved in ({"mse": 2.1}, {"mse": 0.4}, {"mse": 1.0, "kl": 0.1}, {"mse": 1.0, "lpips": 0.3}):
        assert limit.under(moved) == math.inf


def test_what_is_met_again_and_again_is_no_broken_batch() -> None:
    limit = Limit()
    for number in range(MANY):
        assert (limit.norm == math.inf) == (number == 0)
        limit.learn(entries(*[1.0] * 30), [10 * number], {}, 10 * number)
    assert limit.norm == math.inf
    limit.learn(entries(*[1.0] * 30), [], {}, 5000)
    assert limit.norm == FAR


@pytest.mark.parametrize("kind", ["vq", "rq", "gaussian"])
def test_a_batch_of_another_range_changes_nothing_and_is_reported(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    strike(monkeypatch, {BAD}, wrong_range)
    run = tilework.train(tiny(kind, *EVERY_STEP))
    alike(kept(run, BAD), kept(run, BAD - 1))
    (event,) = events(run, "step-skipped")
    assert event.payload == {"first": BAD, "last": BAD, "count": 1, "terms": [], "far": 1}
    text = guard_text("step-skipped", event.payload)
    assert text == f"step {BAD} was skipped: the gradient was over 100 times the largest of the steps before"
    assert events(run, "rolled-back") == []


def test_without_a_watch_over_spikes_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    strike(monkeypatch, {BAD}, wrong_range)
    assert events(tilework.train(tiny("vq", *EVERY_STEP, "engine.guard.spike=null")), "step-skipped") == []


def test_a_run_with_refused_steps_is_resumed_and_replayed_exactly(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    strike(monkeypatch, {61, 62, 64, *range(70, 70 + MOST_FAR)}, wrong_range)
    spec = tiny("vq", *OWN)
    whole = tilework.train(spec, runs=tmp_path / "whole")
    assert sum(event.payload.get("far", 0) for event in events(whole, "step-skipped")) == 3 + MOST_FAR
    assert events(whole, "rolled-back") == []
    same(killed(spec, tmp_path / "killed", [61, 63, 64, 71, 74, 77]), whole)
    assert replay(whole).identical


def test_weights_that_are_lost_are_not_refused_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their gradients are as large; after a few steps the loss is listened to."""
    strike(monkeypatch, {BAD}, lost_weights)
    run = tilework.train(tiny("vq", "engine.steps=95"))
    (back,) = events(run, "rolled-back")
    assert BAD < back.step <= BAD + MOST_FAR + 10
    assert losses(run)[-1] < 2 * losses(run)[BAD - 2]


def test_the_last_steps_are_taken_whatever_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lost weights have such gradients too, and nothing would come after them that shows it."""
    strike(monkeypatch, {86}, wrong_range)
    assert events(tilework.train(tiny("vq", "engine.steps=95")), "step-skipped") == []


def test_images_of_another_range_from_now_on_are_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    strike(monkeypatch, range(60, 10**6), wrong_range)
    run = tilework.train(tiny("vq", "engine.steps=120"))
    far = sum(event.payload.get("far", 0) for event in events(run, "step-skipped"))
    assert 0 < far <= 3 * MOST_FAR
    assert len(events(run, "loss-level-changed")) == 1
