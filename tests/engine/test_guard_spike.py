"""Whether the loss has risen: what is a spike, and what is none."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
import torch

from tilework.engine.guard.history import LENGTH, Entry, History
from tilework.engine.guard.slowdown import Slowdown
from tilework.engine.guard.spike import BEFORE, ENOUGH, NEWEST, rise

ONE = {"mse": 1.0}


def steps(values: list[dict[str, float]], lr: Callable[[int], float] = lambda step: 1e-3) -> list[Entry]:
    return [Entry(n, lr(n), {"loss": sum(v.values()), **v}) for n, v in enumerate(values, start=1)]


def noisy(level: Callable[[int], float], count: int, seed: int = 0) -> list[dict[str, float]]:
    """Losses about a level, each off by a tenth or so."""
    draw = random.Random(seed)
    return [{"mse": level(n) * math.exp(draw.gauss(0, 0.1))} for n in range(count)]


def alarming(entries: list[Entry], weights: dict[str, float] | None = None, spike: float = 2.0) -> bool:
    found = rise(entries, ONE if weights is None else weights, spike)
    return found is not None and found.alarming


def test_a_jump_that_stays_is_a_spike_after_three_steps() -> None:
    calm = noisy(lambda n: 1.0, 70)
    for high in range(NEWEST + 1):
        assert alarming(steps(calm + [{"mse": 4.0}] * high)) == (high >= 3)


def test_one_odd_batch_or_two_are_none() -> None:
    assert not alarming(steps([*noisy(lambda n: 1.0, 70), {"mse": 1e6}, {"mse": 1.0}, {"mse": 1e6}, {"mse": 1.0}]))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "level",
    [
        lambda n: 1.0,
        lambda n: math.exp(-n / 30),
        lambda n: 1 + 0.3 * math.sin(n / 15),
        lambda n: 1 + n / 100,
    ],
    ids=["calm", "falling", "waves", "slowly rising"],
)
def test_noise_and_slow_change_are_none(level: Callable[[int], float], seed: int) -> None:
    every = steps(noisy(level, 300, seed))
    assert not any(alarming(every[:count]) for count in range(len(every)))


def test_a_rise_is_measured_against_the_spread_of_the_steps() -> None:
    """Doubled is no spike where single steps differ by as much."""
    draw = random.Random(1)
    wild = [{"mse": math.exp(draw.gauss(0, 1.0))} for _ in range(70)]
    assert not alarming(steps(wild + [{"mse": 2.5}] * NEWEST))
    assert alarming(steps(wild + [{"mse": 50.0}] * NEWEST))


@pytest.mark.parametrize("spike", [1.5, 3.0])
def test_the_setting_is_the_multiple(spike: float) -> None:
    calm = [{"mse": 1.0}] * 70
    assert not alarming(steps(calm + [{"mse": spike - 0.01}] * NEWEST), spike=spike)
    assert alarming(steps(calm + [{"mse": spike + 0.01}] * NEWEST), spike=spike)


def test_a_weight_that_changes_makes_no_jump() -> None:
    both = [{"mse": 0.1, "kl": 10.0}] * 70
    now = steps(both)
    assert not alarming(now, {"mse": 1.0, "kl": 1e-3})
    assert not alarming(now, {"mse": 1.0, "kl": 1e3})
    worse = steps(both + [{"mse": 0.1, "kl": 30.0}] * NEWEST)
    assert alarming(worse, {"mse": 1.0, "kl": 1.0})
    assert not alarming(worse, {"mse": 1.0, "kl": 0.0})  # nobody asks for it


def test_a_term_that_is_switched_on_is_compared_with_steps_that_had_it() -> None:
    without, weights = [{"mse": 0.1}] * 70, {"mse": 1.0, "lpips": 5.0}
    assert rise(steps(without), weights, 2.0) is None
    assert rise(steps(without + [{"mse": 0.1, "lpips": 1.0}] * (NEWEST + ENOUGH - 1)), weights, 2.0) is None
    assert alarming(
        steps(without + [{"mse": 0.1, "lpips": 1.0}] * ENOUGH + [{"mse": 0.1, "lpips": 9.0}] * NEWEST), weights
    )


def test_a_loss_below_zero_has_a_size_too() -> None:
    """An entropy is subtracted, and the total may be negative or about 0."""
    calm = [{"mse": 1.0, "entropy": -1.01}] * 70
    weights = {"mse": 1.0, "entropy": 1.0}
    assert not alarming(steps(calm + [{"mse": 1.2, "entropy": -1.01}] * NEWEST), weights)
    assert alarming(steps(calm + [{"mse": 4.0, "entropy": -1.01}] * NEWEST), weights)


def test_a_learning_rate_that_is_raised_gives_room() -> None:
    jump = noisy(lambda n: 1.0, 70) + [{"mse": 4.0}] * NEWEST
    restart = [1e-5] * 70 + [1e-3] * NEWEST
    assert alarming(steps(jump, lambda n: 1e-3))
    assert not alarming(steps(jump, lambda n: restart[n - 1]))
    assert alarming(steps(noisy(lambda n: 1.0, 70) + [{"mse": 4e3}] * NEWEST, lambda n: restart[n - 1]))
    assert not alarming(steps(jump, lambda n: 0.0 if n <= 70 else 1e-3))  # a warm-up from 0


def test_a_task_without_weighted_terms_is_judged_by_its_loss() -> None:
    calm = [{"nll": 1.0}] * 70
    assert alarming(steps(calm + [{"nll": 4.0}] * NEWEST), {})
    assert not alarming(steps(calm), {})


def test_too_few_steps_show_nothing() -> None:
    assert rise(steps([{"mse": 1.0}] * (NEWEST + ENOUGH - 1)), ONE, 2.0) is None
    assert rise(steps([{"mse": 1.0}] * (NEWEST + ENOUGH)), ONE, 2.0) is not None
    assert BEFORE + NEWEST < LENGTH


# What is remembered ---------------------------------------------------------------------------------------------------


def row(*values: float) -> torch.Tensor:
    return torch.tensor(values)


def test_steps_are_read_once_and_those_without_a_loss_are_not_remembered() -> None:
    history = History(("loss", "mse"))
    names = ("loss", "mse", "z_norm", "grad_norm")
    history.note(1, 1e-3, names, row(1.0, 0.5, 9.0, 1.0))
    history.note(2, 1e-3, names, row(math.nan, math.inf, 9.0, math.nan))
    history.note(3, 1e-3, ("loss", "grad_norm"), row(2.0, math.nan))
    one, two, three = history.read(lambda found: found)
    assert (one.refused, two.refused, three.refused) == (False, True, True)
    assert (two.culprits, three.culprits) == (("mse",), ())
    assert [(e.step, dict(e.values)) for e in history.entries] == [(1, {"loss": 1.0, "mse": 0.5}), (3, {"loss": 2.0})]
    assert history.read(lambda found: found) == []


def test_a_loss_that_no_term_explains_is_the_culprit_itself() -> None:
    history = History(("loss",))
    history.note(1, 1e-3, ("loss", "nll", "grad_norm"), row(math.inf, 1.0, math.nan))
    assert history.read(lambda found: found)[0].culprits == ("loss",)


def test_the_mean_over_processes_is_what_counts() -> None:
    history = History(("loss",))
    history.note(1, 1e-3, ("loss", "grad_norm"), row(1.0, 1.0))
    (entry,) = history.read(lambda found: found + 2)
    assert entry.values["loss"] == 3.0


# The learning rate after a rollback -----------------------------------------------------------------------------------


def test_the_learning_rate_returns_after_the_first_rollback() -> None:
    rate = Slowdown()
    assert rate.factor(10**6, 100) == 1.0
    rate.cut(50, 100, 0.5, again=False)
    assert [rate.factor(step, 100) for step in (50, 100, 150, 900)] == [0.5, 0.75, 1.0, 1.0]


def test_the_second_one_lowers_it_for_good() -> None:
    rate = Slowdown()
    rate.cut(50, 100, 0.5, again=False)
    rate.cut(100, 100, 0.5, again=True)
    assert [rate.factor(step, 100) for step in (100, 200, 900)] == [0.375, 0.5, 0.5]
    rate.cut(10_000, 100, 0.5, again=False)
    assert [rate.factor(step, 100) for step in (10_000, 10_100)] == [0.25, 0.5]


def test_without_steps_to_recover_it_stays() -> None:
    rate = Slowdown()
    rate.cut(50, 0, 0.1, again=False)
    assert rate.factor(10**6, 0) == 0.1
