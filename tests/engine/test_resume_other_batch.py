"""A run that stopped within an epoch and goes on with another batch size: the same images, the same schedules."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_runs import session, tiny

import tilework
from tilework.cli.summary import longer_command
from tilework.engine import checkpoint, launch
from tilework.engine.describe import which_ends
from tilework.engine.going_on import Stride, goes_on, rest_of_epoch
from tilework.engine.progress import Plan, Silent
from tilework.engine.session import Session
from tilework.engine.state import Position
from tilework.errors import RunFailure, UserError
from tilework.runs.folder import RunFolder
from tilework.runs.store import RunStore
from tilework.spec import dump_yaml, load_spec
from tilework.spec.clock import Clock
from tilework.spec.schedules import Cosine, Linear, Span
from tilework.studio.longer import overrides_to

COSINE = "optimizer.lr={kind: cosine, start: 1e-2, end: 1e-4, over: 4 epochs}"


def rows(run: RunFolder) -> tuple[list[int], list[float], list[float]]:
    with RunStore.open(run.db) as store:
        steps, epochs, _ = store.rows("train")
        return steps.tolist(), epochs.tolist(), store.metrics("lr")[1].tolist()


def images_to_the_end_of_the_epoch(made: Session) -> list[int]:
    position, budget = made.state.position, made.parts.budget
    seen: list[int] = []
    for number, batch in enumerate(rest_of_epoch(made.parts.data.train, position)):
        if number == position.to_epoch(budget):
            break
        seen += batch.index.tolist()
    return seen


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ((32, 1), (256, 1)),
        ((256, 1), (32, 1)),
        ((64, 1), (96, 1)),
        ((64, 2), (50, 3)),
        ((500, 1), (8, 1)),
        ((7, 1), (401, 1)),
    ],
)
def test_no_image_of_the_epoch_is_seen_twice_and_less_than_a_step_is_left_out(
    first: tuple[int, int], then: tuple[int, int]
) -> None:
    def made(stride: tuple[int, int]) -> Session:
        return session(tiny("vq", f"engine.batch_size={stride[0]}", f"optimizer.accumulate={stride[1]}"))

    before, after = made(first), made(then)
    order = [i for batch in before.parts.data.train.epoch(3) for i in batch.index.tolist()]
    for steps in range(1, before.parts.budget.steps_per_epoch):
        at = Position(step=3 * before.parts.budget.steps_per_epoch + steps, epoch=3, batch=steps * first[1])
        there, note = goes_on(after, at, (), Stride(*first))
        assert note
        seen, images = order[: steps * first[0] * first[1]], there.parts.data.items[0]
        if there.state.position.epoch == 4:
            assert images - len(seen) < then[0] * then[1], "the epoch ends only where less than a step is left"
            assert there.state.unjudged
            continue
        rest = images_to_the_end_of_the_epoch(there)
        assert len({*seen, *rest}) == len(seen) + len(rest)
        assert images - len(seen) - len(rest) < then[0] * then[1]
        assert there.epochs == pytest.approx(3 + steps / before.parts.budget.steps_per_epoch)


def test_the_batch_size_may_change_again_in_the_same_epoch_and_back() -> None:
    sizes, seen = (64, 100, 30, 64), []
    made = session(tiny("vq", "engine.batch_size=64"))
    position, marks, epochs = Position(), (), []
    for before, size in pairwise((64, *sizes)):
        there = session(tiny("vq", f"engine.batch_size={size}"))
        made, _ = goes_on(there, position, marks, Stride(before, 1))
        epochs.append(made.epochs)
        position, marks = made.state.position, made.parts.budget.clock.marks
        stream = rest_of_epoch(made.parts.data.train, position)
        for _ in range(3):
            seen += next(stream).index.tolist()
            position.advance(1, made.parts.budget)
            epochs.append(made.epochs)
    assert len(seen) == len(set(seen)) == 3 * sum(sizes)
    assert epochs == sorted(epochs)
    assert epochs[-1] < 1
    while position.epoch == 0:
        position.advance(1, made.parts.budget)
    assert made.epochs == pytest.approx(1.0), "the epoch ends where its images do"


@pytest.mark.parametrize("size", [8, 128, 500])
def test_a_run_goes_on_where_it_was_in_its_data_and_its_schedules(size: int) -> None:
    run = tilework.train(tiny("vq", "engine.batch_size=32", "engine.steps=20", COSINE))
    tilework.resume(run, f"engine.batch_size={size}", "engine.steps=40")
    steps, epochs, lr = rows(run)
    assert steps == list(range(1, 41))
    assert all(b > a for a, b in pairwise(epochs))
    lr_of_a_step = [abs(b - a) for a, b in pairwise(lr)]
    assert lr_of_a_step[19] <= 1.5 * max(lr_of_a_step[:19] + lr_of_a_step[20:]), "no jump at the resume"
    assert load_spec(str(run.spec_file)).engine.batch_size == size
    # And once more, as it was and bit for bit: what is written down is whole.
    tilework.resume(run, "engine.steps=45")
    assert rows(run)[0] == list(range(1, 46))


def test_a_changed_run_that_is_stopped_and_resumed_equals_one_that_was_not(tmp_path: Path) -> None:
    spec = tiny(
        "vq", "engine.batch_size=32", "engine.epochs=2", "engine.steps=null", COSINE, "engine.save_every_steps=1"
    )
    weights = []
    for stop in (None, 30):
        run = tilework.train(
            spec.model_copy(update={"engine": spec.engine.model_copy(update={"steps": 20})}), runs=tmp_path
        )
        if stop:
            tilework.resume(run, "engine.batch_size=96", f"engine.steps={stop}")
        tilework.resume(run, "engine.batch_size=96", "engine.steps=null")
        weights.append(checkpoint.read_tensors(checkpoint.find(run.checkpoints).folder / "model.safetensors"))
        assert rows(run)[1][-1] == pytest.approx(2.0), "two epochs are two epochs"
    assert all(torch.equal(tensor, weights[1][name]) for name, tensor in weights[0].items())


def test_an_epoch_that_ends_by_the_change_is_validated() -> None:
    run = tilework.train(tiny("vq", "engine.batch_size=32", "engine.steps=40"))
    tilework.resume(run, "engine.batch_size=1000", "engine.steps=41")
    with RunStore.open(run.db) as store:
        steps, epochs, _ = store.rows("val")
    assert (40, 1.0) in zip(steps.tolist(), epochs.tolist(), strict=True)


def test_a_resume_that_fails_leaves_the_run_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    run = tilework.train(tiny("vq", "engine.steps=6"))
    before = run.spec_file.read_bytes()

    def full(self: object, *given: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with monkeypatch.context() as broken:
        broken.setattr("tilework.engine.step.Stepper.step", full)
        with pytest.raises(RunFailure, match="memory"):
            tilework.resume(run, "engine.batch_size=64", "engine.steps=12")
    assert run.spec_file.read_bytes() == before
    tilework.resume(run, "engine.steps=8")
    assert rows(run)[0] == list(range(1, 9))


def test_a_tracker_that_cannot_be_opened_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    run = tilework.train(tiny("vq", "engine.steps=4"))
    with RunStore.open(run.db) as store:
        store_before = (store.meta(), store.events())
    spec_before = run.spec_file.read_bytes()

    def closed(self: object) -> None:
        raise ConnectionError("no route to host")

    with monkeypatch.context() as broken:
        broken.setattr("accelerate.tracking.WandBTracker.start", closed)
        with pytest.raises(UserError):
            tilework.resume(run, "engine.steps=8", "trackers=wandb")
    with RunStore.open(run.db) as store:
        assert (store.meta(), store.events()) == store_before
    assert run.spec_file.read_bytes() == spec_before


def test_a_feed_that_cannot_be_cut_anew_refuses_within_an_epoch_and_not_between_two() -> None:
    made = session(tiny("vq", "engine.batch_size=64"))

    class Rigid:
        steps_per_epoch = 5

        def epoch(self, number: int, start: int = 0) -> object: ...

    rigid = dataclasses.replace(made.parts, data=dataclasses.replace(made.parts.data, train=Rigid()))
    made = Session(rigid, made.state, made.steering, made.guard)
    with pytest.raises(UserError, match="in the middle of an epoch"):
        goes_on(made, Position(step=3, batch=3), (), Stride(32, 1))
    there, _ = goes_on(made, Position(step=10, epoch=2), (), Stride(32, 1))
    assert there.state.position == Position(step=10, epoch=2)


def test_steps_and_epochs_of_a_clock_that_changed() -> None:
    clock = Clock(10).changed(25, 2.5, 4, 2, 3)
    assert [clock.epochs(step) for step in (0, 10, 25, 26, 27, 31)] == pytest.approx([0, 1, 2.5, 2.75, 3, 4])
    for epochs in (0.0, 0.7, 2.5, 2.9, 3.0, 11.0):
        assert clock.epochs(clock.step(epochs)) == pytest.approx(epochs)
    ended = Clock(10).changed(25, 2.5, 4, 0, 3)
    assert [ended.epochs(step) for step in (24, 25, 29)] == pytest.approx([2.4 + 0.0, 3, 4], abs=0.05)
    assert ended.step(2.7) == 25


def test_schedules_by_a_clock_that_changed() -> None:
    clock = Clock(10).changed(25, 2.5, 40, 20, 3)
    for warmup in (Span(amount=5, unit="steps"), Span(amount=0.5, unit="epochs")):
        schedule = Cosine(start=1.0, end=0.0, over=Span(amount=5, unit="epochs"), warmup=warmup)
        assert schedule.at(25, clock) == pytest.approx(schedule.at(25, 10))
        assert schedule.at(45, clock) == pytest.approx(schedule.at(30, 10)), "epoch 3"
        assert schedule.at(45 + 40, clock) == pytest.approx(schedule.at(40, 10)), "epoch 4"
    by_steps = Linear(start=0.0, end=1.0, over=Span(amount=100, unit="steps"), warmup=Span(amount=1, unit="epochs"))
    assert [by_steps.at(step, clock) for step in (20, 60, 110)] == pytest.approx([0.1, 0.5, 1.0]), "steps stay steps"
    uniform = Cosine(start=1.0, over=Span(amount=3, unit="epochs"), warmup=Span(amount=7, unit="steps"))
    assert np.array_equal([uniform.at(s, Clock(9)) for s in range(60)], [uniform.at(s, 9) for s in range(60)])


def test_a_spec_written_by_hand_with_other_accumulation_goes_on_too() -> None:
    run = tilework.train(tiny("vq", "engine.batch_size=32", "engine.steps=10"))
    spec = load_spec(str(run.spec_file), ["optimizer.accumulate=3", "engine.steps=20"])
    run.spec_file.write_text(dump_yaml(spec), encoding="utf-8")
    launch.resume(run)
    steps, epochs, _ = rows(run)
    assert steps == list(range(1, 21))
    assert all(b > a for a, b in pairwise(epochs))


def test_as_long_again_is_counted_in_images_where_the_steps_were_of_another_length() -> None:
    plans: list[Plan] = []

    class Listener(Silent):
        def started(self, plan: Plan) -> None:
            plans.append(plan)

    run = tilework.train(tiny("vq", "engine.batch_size=32", "engine.epochs=2", "engine.steps=null"))
    tilework.resume(run, "engine.batch_size=320", "engine.epochs=3", progress=Listener())
    (plan,) = plans
    assert plan.steps > 2 * plan.steps_per_epoch * plan.epochs, "an epoch had many more steps before"
    assert longer_command(run, plan).split()[-1] == "engine.epochs=6"
    with RunStore.open(run.db) as store:
        reached = int(store.latest()["step"])
    assert overrides_to(run, reached + 2 * plan.steps_per_epoch) == ["engine.epochs=5"]


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (("engine.steps=9000", "engine.epochs=1"), "engine.epochs=1 ends the run at step"),
        (("engine.steps=3", "engine.epochs=9"), "engine.steps=3 ends the run after"),
        (("engine.steps=3",), ""),
        (("engine.steps=null", "engine.epochs=1"), ""),
    ],
)
def test_which_of_two_limits_stops_the_run_is_reported_before_it_starts(budget: tuple[str, ...], expected: str) -> None:
    message = which_ends(session(tiny("vq", *budget)).parts)
    assert message.startswith(expected)
    assert bool(message) is bool(expected)


def test_it_is_reported_to_whoever_watches() -> None:
    lines: list[str] = []

    class Listener(Silent):
        def message(self, text: str) -> None:
            lines.append(text)

    tilework.train(tiny("vq", "engine.steps=2", "engine.epochs=9"), progress=Listener())
    assert any("engine.steps=2 ends the run" in line for line in lines)
