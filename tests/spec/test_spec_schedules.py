"""Every schedule against its closed form, and what holds for all of them whatever their settings."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tilework.spec import Constant, Plateau, Schedule, Scheduled
from tilework.spec.clock import Clock
from tilework.spec.schedules import KINDS

READ: TypeAdapter[Any] = TypeAdapter(Scheduled)


def schedule(raw: Any) -> Schedule:
    read: Schedule = READ.validate_python(raw)
    return read


def test_staircase_of_the_perceptual_weight() -> None:
    """+0.005 every 2 epochs up to 0.15: reached after 60 epochs, flat within each pair of epochs."""
    s = schedule({"kind": "staircase", "rise": 0.005, "every": "2 epochs", "limit": 0.15})
    per_epoch = 37
    for epoch in range(200):
        for step in (epoch * per_epoch, epoch * per_epoch + per_epoch - 1):
            assert s.at(step, per_epoch) == pytest.approx(min(0.15, 0.005 * (epoch // 2)), abs=1e-12)
    assert s.at(2 * per_epoch - 1, per_epoch) == 0.0
    assert s.at(60 * per_epoch, per_epoch) == pytest.approx(0.15)


def test_staircase_down() -> None:
    s = schedule({"kind": "staircase", "start": 1.0, "rise": -0.3, "every": "10 steps", "limit": 0.2})
    assert [s.at(i, 7) for i in (0, 9, 10, 20, 30, 99)] == pytest.approx([1.0, 1.0, 0.7, 0.4, 0.2, 0.2])


def test_linear_ramp_of_the_commitment_weight() -> None:
    s = schedule({"kind": "linear", "start": 0.05, "end": 0.25, "over": "30 epochs"})
    per_epoch = 51
    for step in range(0, 40 * per_epoch, 13):
        assert s.at(step, per_epoch) == pytest.approx(0.05 + 0.2 * min(1.0, step / (30 * per_epoch)), rel=1e-12)
    assert s.at(10**9, per_epoch) == 0.25


def test_cosine() -> None:
    s = schedule({"kind": "cosine", "start": 3e-4, "end": 1e-5, "over": "200 steps"})
    for step in range(0, 300, 7):
        angle = math.pi * min(step, 200) / 200
        assert s.at(step, 10) == pytest.approx(1e-5 + (3e-4 - 1e-5) * (1 + math.cos(angle)) / 2)
    assert s.at(100, 10) == pytest.approx((3e-4 + 1e-5) / 2)


def test_warmup_rises_to_the_value_and_then_the_schedule_begins() -> None:
    s = schedule({"kind": "constant", "value": 1e-3, "warmup": "4 steps"})
    assert [s.at(i, 9) for i in range(6)] == pytest.approx([0.25e-3, 0.5e-3, 0.75e-3, 1e-3, 1e-3, 1e-3])
    epochs = schedule({"kind": "cosine", "start": 1.0, "over": "10 steps", "warmup": "2 epochs"})
    assert epochs.at(5, 3) == 1.0  # the 6th and last step of the warm-up
    assert epochs.at(6 + 10, 3) == pytest.approx(0.0)
    assert epochs.at(6 + 5, 3) == pytest.approx(0.5)


def test_plateau_is_cut_by_its_factor_down_to_its_minimum() -> None:
    s = schedule({"kind": "plateau", "start": 2e-4, "minimum": 1e-6})
    assert isinstance(s, Plateau)
    assert [s.reduced(s.at(9, 9), cuts) for cuts in range(9)] == pytest.approx(
        [max(1e-6, 2e-4 / 2**c) for c in range(9)]
    )
    warm = schedule({"kind": "plateau", "start": 1.0, "minimum": 0.5, "warmup": "10 steps"})
    assert isinstance(warm, Plateau)
    assert warm.reduced(warm.at(0, 1), 3) == pytest.approx(0.1)  # a cut never lifts a value


NUMBER = st.floats(-1e6, 1e6).map(lambda x: round(x, 9))
LENGTH = st.builds(
    lambda n, fraction, unit: f"{n}{fraction} {unit}",
    st.integers(0, 10**8),
    st.sampled_from(["", ".5", ".25"]),
    st.sampled_from(["steps", "epochs"]),
)
SOME = LENGTH.filter(lambda text: float(text.split()[0]) > 0)


@st.composite
def stairs(draw: st.DrawFn) -> dict[str, Any]:
    start, limit = draw(NUMBER), draw(NUMBER)
    rise = math.copysign(draw(st.floats(1e-6, 1e3)), limit - start)
    return {"kind": "staircase", "start": start, "rise": rise, "every": draw(SOME), "limit": limit}


@st.composite
def plateaus(draw: st.DrawFn) -> dict[str, Any]:
    low, high = sorted([draw(NUMBER), draw(NUMBER)])
    factor = draw(st.floats(0.01, 0.99))
    return {"kind": "plateau", "start": high, "minimum": low, "factor": factor, "patience": draw(st.integers(0, 50))}


ANY = st.one_of(
    NUMBER,
    st.fixed_dictionaries({"kind": st.just("constant"), "value": NUMBER}),
    st.fixed_dictionaries({"kind": st.just("linear"), "start": NUMBER, "end": NUMBER, "over": LENGTH}),
    st.fixed_dictionaries({"kind": st.just("cosine"), "start": NUMBER, "end": NUMBER, "over": LENGTH}),
    stairs(),
    plateaus(),
)
WARM = st.tuples(ANY, st.one_of(st.none(), LENGTH)).map(
    lambda pair: {**pair[0], "warmup": pair[1]} if isinstance(pair[0], dict) and pair[1] else pair[0]
)


@settings(max_examples=300, deadline=None)
@given(raw=WARM, step=st.integers(0, 10**10), per_epoch=st.integers(1, 10**6))
def test_every_schedule_is_finite_and_within_its_bounds(raw: Any, step: int, per_epoch: int) -> None:
    s = schedule(raw)
    low, high = s.bounds
    value = s.at(step, per_epoch)
    room = 1e-9 * (1 + abs(low) + abs(high))
    assert math.isfinite(value)
    assert (
        min(low, 0.0 if s.warmup.amount else low) - room <= value <= max(high, 0.0 if s.warmup.amount else high) + room
    )
    if isinstance(s, Plateau) and not s.warmup.amount:
        assert low - room <= s.reduced(value, 7) <= value


@settings(max_examples=200, deadline=None)
@given(raw=WARM)
def test_every_schedule_is_written_as_it_was_read(raw: Any) -> None:
    s = schedule(raw)
    assert schedule(READ.dump_python(s, mode="json")) == s


def test_every_kind_is_tried_above() -> None:
    assert set(KINDS) == {"constant", "linear", "cosine", "staircase", "plateau"}


def test_a_number_is_a_constant() -> None:
    assert schedule(0.25) == Constant(value=0.25)
    assert schedule(1) == Constant(value=1.0)
    assert READ.dump_python(schedule(0.25)) == 0.25


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"kind": "linear", "start": 0, "end": 1, "over": "30"}, "write for example '30 epochs' or '500 steps'"),
        ({"kind": "linear", "start": 0, "end": 1, "over": 30}, "30 has no unit; write '30 epochs' or '30 steps'"),
        ({"kind": "linear", "start": 0, "end": 1, "over": "3 weeks"}, "'3 weeks' is not a length of training"),
        ({"kind": "linear", "start": 0, "end": 1, "over": "-3 epochs"}, "'-3 epochs' is not a length of training"),
        ({"kind": "linear", "start": 0, "over": "5 steps"}, "end is missing; set end"),
        ({"kind": "linaer", "start": 0}, "'linaer' is not a schedule; the kinds are constant, linear"),
        ({"start": 0, "end": 1, "over": "3 epochs"}, "the schedule has no kind"),
        ({"kind": "cosine", "start": 1, "over": "3 epochs", "strat": 0}, "unknown key strat (did you mean start?)"),
        ({"kind": "constant", "value": "much"}, "value: must be a number, not 'much'"),
        ({"kind": "constant", "value": math.inf}, "value: must be a finite number"),
        (
            {"kind": "staircase", "rise": 0.1, "every": "1 epoch", "limit": -1},
            "limit -1 is below start 0 but rise is 0.1",
        ),
        ({"kind": "staircase", "rise": 0.1, "every": "0 epochs", "limit": 1}, "every is 0"),
        ({"kind": "plateau", "start": 1e-4, "minimum": 1e-3}, "minimum 0.001 is above start 0.0001"),
        ({"kind": "plateau", "start": 1, "factor": 2}, "factor: must be less than 1"),
        (True, "true is not a schedule"),
        (None, "null is not a schedule"),
        ("fast", "'fast' is not a schedule"),
    ],
)
def test_what_is_wrong_with_a_schedule_is_reported(raw: Any, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        schedule(raw)
    assert message in str(caught.value)


@pytest.mark.parametrize(("text", "steps"), [("500 steps", 500), ("1 step", 1), ("2 Epochs", 20), ("1e3 steps", 1000),
                                             ("1_000steps", 1000), ("0.5 epochs", 5)])  # fmt: skip
def test_lengths(text: str, steps: float) -> None:
    s = schedule({"kind": "linear", "start": 0, "end": 1, "over": text})
    assert s.over.steps(10) == steps  # type: ignore[attr-defined]


def test_a_long_length_is_written_in_full() -> None:
    s = schedule({"kind": "linear", "start": 0, "end": 1, "over": "1234567 steps"})
    assert str(s.over) == "1234567 steps"  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_without_a_length_the_way_is_as_long_as_the_run(kind: str) -> None:
    """The same values as with the run's length written out, and it follows where that changes."""
    free = schedule({"kind": kind, "start": 1.0, "end": 0.1, "warmup": "5 steps"})
    for steps in (40, 1000):
        written = schedule({"kind": kind, "start": 1.0, "end": 0.1, "warmup": "5 steps", "over": f"{steps} steps"})
        clock = Clock(9, ends=steps)
        assert [free.at(i, clock) for i in range(steps + 20)] == [written.at(i, clock) for i in range(steps + 20)]
        assert free.at(steps + 5, clock) == pytest.approx(0.1)
    assert READ.dump_python(free) == {"kind": kind, "start": 1.0, "end": 0.1, "warmup": "5 steps"}
    assert READ.validate_python(READ.dump_python(free)) == free
