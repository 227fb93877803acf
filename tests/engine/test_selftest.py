"""The self-test agrees where two ways of computing agree, and names what does not."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from tilework.engine import backend, selftest
from tilework.engine.backend import REFERENCE, Backend
from tilework.engine.selftest import Row, compare

OTHER = Backend("cpu", threads=2)
ALL = dict(selftest.MODELS)


@pytest.fixture(autouse=True)
def _one_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "MODELS", {"rqvae-digits": ALL["rqvae-digits"]})


def rows(other: Backend = OTHER) -> dict[str, Row]:
    return {row.what: row for row in compare([other])}


def wrong(found: dict[str, Row]) -> set[str]:
    return {what for what, row in found.items() if not row.ok}


def test_the_reference_equals_itself_to_the_last_bit() -> None:
    found = rows(Backend("cpu", threads=1))
    assert set(found) == {"forward", "backward", "optimiser step", "code search", "decode"}
    assert {what: row.difference for what, row in found.items() if what != "code search"} == dict.fromkeys(
        set(found) - {"code search"}, 0.0
    )
    assert not wrong(found)


def test_this_machines_device_passes_in_every_way_that_it_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "MODELS", ALL)
    before = torch.get_num_threads(), torch.get_rng_state()
    found = list(compare(selftest.backends()))
    assert [row for row in found if not row.ok] == []
    assert len(found) == len(selftest.backends()) * (3 * 5 + 4)  # a Gaussian has no codes to search
    assert torch.get_num_threads() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])


def on_other(what: Any, change: Any) -> Any:
    """`what`, with its result changed while the other backend computes. It is the one with two threads."""

    def changed(*args: Any, **kwargs: Any) -> Any:
        result = what(*args, **kwargs)
        return change(result) if torch.get_num_threads() == OTHER.threads else result

    return changed


def test_a_wrong_decoder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "_decode", on_other(backend._decode, lambda x: x * 1.001))
    assert wrong(rows()) == {"decode"}


def test_a_wrong_code_search_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from tilework.bottlenecks.codebook import quantizer

    second = on_other(quantizer.nearest, lambda index: (index + 1) % 16)
    monkeypatch.setattr(quantizer, "nearest", second)
    assert "code search" in wrong(rows())


def test_a_wrong_gradient_is_named_and_the_forward_pass_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    from tilework.nets import stepup

    monkeypatch.setattr(
        stepup._StepUp,
        "backward",
        staticmethod(on_other(stepup._StepUp.backward, lambda g: (g[0], g[1] * 1.01, g[2], None))),
    )
    assert wrong(rows()) == {"backward"}


def test_a_wrong_optimiser_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Twice(torch.optim.Adam):
        def step(self, closure: Any = None) -> Any:
            super().step(closure)
            return super().step(closure)

    made = backend.make_optimizer

    def make(settings: Any, model: Any, device: Any) -> torch.optim.Optimizer:
        return Twice(model.parameters(), lr=1e-3) if torch.get_num_threads() == 2 else made(settings, model, device)

    monkeypatch.setattr(backend, "make_optimizer", make)
    assert wrong(rows()) == {"optimiser step"}


def test_values_that_are_not_finite_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "_decode", on_other(backend._decode, lambda x: x * math.nan))
    assert rows()["decode"].difference == math.inf
    assert wrong(rows()) == {"decode"}


def test_an_operation_that_the_device_lacks_is_a_row_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(self: nn.Module, x: torch.Tensor, *_: Any) -> torch.Tensor:
        if torch.get_num_threads() == 2:
            raise NotImplementedError("The operator 'aten::x' is not implemented for this device.\nMore.")
        return x

    monkeypatch.setattr(nn.ReLU, "forward", missing)
    found = rows()
    assert list(found) == ["all"]
    assert found["all"].problem == "The operator 'aten::x' is not implemented for this device."
    assert not found["all"].ok


def test_the_reference_is_float32_on_one_thread() -> None:
    assert Backend("cpu", "float32", 1) == REFERENCE
    assert not REFERENCE.reduced
