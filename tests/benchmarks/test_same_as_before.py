"""The comparison of two revisions finds what differs: in a value, a step, a weight, a failure."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BITS = {
    "series": {"train/loss": {"1": "0x1.8p+0", "2": "0x1.4p+0"}, "val/mse": {"2": "0x1p-4"}},
    "weights": {"last": {"model.safetensors": "ab"}, "best": {"model.safetensors": "cd"}},
}


def test_the_same_is_the_same_and_a_new_series_is_no_difference(benchmarks: Path) -> None:
    from same_as_before import differences

    now = copy.deepcopy(BITS)
    now["series"]["train/more"] = {"1": "0x1p+0"}
    assert differences(BITS, now) == []


def last_bit(now: dict[str, Any]) -> None:
    now["series"]["train/loss"]["2"] = (1.25 + 2**-52).hex()


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "the last bit of a loss": (last_bit, "train/loss at step 2"),
    "a step less": (lambda now: now["series"]["train/loss"].pop("1"), "train/loss at step 1"),
    "a step more": (lambda now: now["series"]["val/mse"].update({"3": "0x1p-4"}), "val/mse at step 3"),
    "a series less": (lambda now: now["series"].pop("val/mse"), "val/mse is gone"),
    "other weights": (lambda now: now["weights"]["best"].update({"model.safetensors": "ce"}), "weights best"),
    "no averages": (lambda now: now["weights"]["last"].clear(), "weights last"),
    "a failure": (lambda now: now.update({"failed": "exit code 1"}), "now exit code 1"),
    "a replay that is another run": (lambda now: now.update({"identical": False}), "identical"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_found(benchmarks: Path, what: str) -> None:
    from same_as_before import differences

    change, message = CHANGES[what]
    now = copy.deepcopy(BITS)
    change(now)
    (found,) = differences(BITS, now)
    assert message in found
