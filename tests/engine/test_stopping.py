"""Early stopping and plateau cuts against sequences judged by hand; signals while a run listens."""

from __future__ import annotations

import math
import os
import signal
import threading

import pytest

from tilework.engine.saving import seconds_between_saves
from tilework.engine.stopping import Interrupt, Patience, PlateauState, should_stop_early
from tilework.spec import Plateau
from tilework.spec.model import EarlyStopping

NAN = math.nan


@pytest.mark.parametrize(
    ("values", "min_delta", "improved"),
    [
        ([3, 2, 1], 0.0, [1, 1, 1]),
        ([1, 1, 1], 0.0, [1, 0, 0]),
        ([1.0, 0.95, 0.9, 0.85], 0.1, [1, 0, 0, 1]),  # against the best, not the one before
        ([1, NAN, 0.5], 0.0, [1, 0, 1]),
        ([NAN, NAN, 2], 0.0, [0, 0, 1]),
        ([math.inf, 5], 0.0, [0, 1]),
        ([-1, -2, -1.5, -3], 0.0, [1, 1, 0, 1]),  # a figure that should rise is watched as its negative
        ([0.0, -0.05, -0.2], 0.1, [1, 0, 1]),
    ],
)
def test_what_counts_as_better(values: list[float], min_delta: float, improved: list[int]) -> None:
    patience = Patience()
    assert [patience.improved(v, min_delta) for v in values] == [bool(i) for i in improved]


def test_relative_margin_is_a_share_of_the_best() -> None:
    patience = Patience()
    assert patience.improved(200.0, 0.1, relative=True)
    assert not patience.improved(181.0, 0.1, relative=True)
    assert patience.improved(179.0, 0.1, relative=True)
    negative = Patience()
    assert negative.improved(-20.0, 0.1, relative=True)
    assert not negative.improved(-21.0, 0.1, relative=True)
    assert negative.improved(-22.5, 0.1, relative=True)


@pytest.mark.parametrize(
    ("values", "patience", "stops_after"),
    [
        ([5, 4, 3, 2, 1], 1, None),
        ([5, 6], 1, 2),
        ([5, 6, 7, 4, 5, 6, 7], 3, 7),  # the better value at 4 starts the count anew
        ([5, NAN, NAN], 2, 3),
        ([NAN, NAN], 2, 2),
        ([5, 4.99995, 4.9999], 2, 3),  # each too little to count
    ],
)
def test_early_stopping(values: list[float], patience: int, stops_after: int | None) -> None:
    settings, state = EarlyStopping(patience=patience, min_delta=1.5e-4), Patience()
    stopped = next((n for n, v in enumerate(values, 1) if should_stop_early(state, v, settings)), None)
    assert stopped == stops_after


@pytest.mark.parametrize(
    ("values", "patience", "cuts"),
    [
        ([5, 4, 3], 0, [0, 0, 0]),
        ([5, 5, 5], 0, [0, 1, 2]),  # no patience: every validation without improvement cuts
        ([5, 5, 5, 5, 5, 5], 2, [0, 0, 0, 1, 1, 1]),  # more than 2 must have passed; then it waits again
        ([5, 6, 6, 4, 6, 6, 6], 2, [0, 0, 0, 0, 0, 0, 1]),
        ([5, NAN, NAN, NAN], 1, [0, 0, 1, 1]),
    ],
)
def test_plateau_cuts(values: list[float], patience: int, cuts: list[int]) -> None:
    schedule = Plateau(start=1e-2, factor=0.5, patience=patience, min_delta=0.0, minimum=1e-3)
    state, seen = PlateauState(Patience()), []
    for value in values:
        before = state.cuts
        assert state.validated(value, schedule) == (state.cuts > before)
        seen.append(state.cuts)
    assert seen == cuts
    assert schedule.reduced(1e-2, 2) == pytest.approx(2.5e-3)
    assert schedule.reduced(1e-2, 50) == 1e-3


def test_plateau_agrees_with_torch() -> None:
    """The same cuts as torch's own scheduler, which counts the same way (relative threshold)."""
    import random

    import torch

    chance = random.Random(4)
    for trial in range(50):
        patience = trial % 4
        schedule = Plateau(start=1.0, factor=0.5, patience=patience, min_delta=0.01)
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, factor=0.5, patience=patience, threshold=0.01, eps=0.0
        )
        ours = PlateauState(Patience())
        for number in range(40):
            value = 2.0 / (1 + 0.05 * number) + chance.uniform(0, 0.3)
            theirs.step(value)
            ours.validated(value, schedule)
            assert schedule.reduced(1.0, ours.cuts) == pytest.approx(optimizer.param_groups[0]["lr"])


def test_a_signal_asks_and_an_impatient_second_ctrl_c_interrupts() -> None:
    interrupt = Interrupt()
    before = signal.getsignal(signal.SIGINT)
    with interrupt.listening():
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.asked
        assert interrupt.name == "SIGINT"
        os.kill(os.getpid(), signal.SIGINT)  # at once: the same key press, or a launcher that passes it on
        os.kill(os.getpid(), signal.SIGTERM)
        assert interrupt.name == "SIGINT"
        interrupt._since -= 2.0
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_handlers_are_put_back_after_an_error_and_other_threads_set_none() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(ZeroDivisionError), Interrupt().listening():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGTERM) is before
    found: list[object] = []

    def inside() -> None:
        with Interrupt().listening():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert found == [before]


def test_small_models_are_saved_more_often_than_they_have_to_be() -> None:
    assert seconds_between_saves(5, 0.02) == 30, "0.07 % of the time"
    assert seconds_between_saves(5, 1.0) == 100, "1 % of the time"
    assert seconds_between_saves(5, 20.0) == 300, "as asked for"
    assert seconds_between_saves(0.1, 0.0) == pytest.approx(0.6)
