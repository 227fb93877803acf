"""`tilework selftest`: what it prints, and its exit code."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import torch
from commands import Outcome

from tilework.engine import backend as backend_module
from tilework.engine import selftest
from tilework.engine.backend import Backend
from tilework.engine.selftest import Row


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selftest, "MODELS", {"fsq": selftest.MODELS["fsq"]})
    monkeypatch.setattr(selftest, "backends", lambda: [Backend("cpu", "float32", 2)])


@pytest.mark.usefixtures("_small")
def test_where_all_agree_it_reports_that_and_what_was_compared(tilework: Callable[..., Outcome]) -> None:
    done = tilework("selftest")
    assert done.code == 0
    for words in ("no GPU", "no other device", "fsq", "code search", "optimiser step", "tolerance", "All 5"):
        assert words in done.out
    assert "differs" not in done.out


@pytest.mark.usefixtures("_small")
def test_a_device_that_decodes_wrongly_is_reported_with_what_to_do(
    tilework: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    right = backend_module._decode
    monkeypatch.setattr(backend_module, "_decode", lambda *a: right(*a) + (torch.get_num_threads() - 1))
    done = tilework("selftest")
    assert done.code == 1
    (line,) = [line for line in done.out.splitlines() if "differs" in line]
    assert "decode" in line
    assert "engine.threads=1" in done.out
    again = tilework("selftest", "--json")
    assert again.code == 1
    assert [row["what"] for row in json.loads(again.out)["rows"] if not row["ok"]] == ["decode"]


@pytest.mark.parametrize(
    ("backend", "fix"),
    [
        (Backend("cuda"), "engine.device=cpu"),
        (Backend("mps"), "engine.device=cpu"),
        (Backend("cuda", "bf16"), "engine.precision=float32"),
        (Backend("cpu", "bf16", 2), "engine.precision=float32"),
        (Backend("cpu", "float32", 2), "engine.threads=1"),
    ],
    ids=str,
)
def test_the_fix_leaves_out_what_differs(
    tilework: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch, backend: Backend, fix: str
) -> None:
    monkeypatch.setattr(selftest, "backends", lambda: [backend])
    monkeypatch.setattr(selftest, "compare", lambda found: iter([Row("vq", backend, "all", float("inf"), 0.0, "gone")]))
    done = tilework("selftest")
    assert done.code == 1
    assert fix in done.out
    assert "gone" in done.out
    (row,) = json.loads(tilework("selftest", "--json").out)["rows"]
    assert (row["difference"], row["problem"], row["ok"]) == (None, "gone", False)
