"""A run with the checks before it is the same bit for bit as one without them."""

from __future__ import annotations

import random
from pathlib import Path

import next_token
import numpy as np
import pytest
import tiny_prior
import torch
from tiny_runs import tiny

from tilework.engine import checkpoint, train
from tilework.engine.preflight.running import preflight
from tilework.engine.progress import Silent
from tilework.engine.session import begin
from tilework.runs.folder import RunFolder
from tilework.runs.preflight import META, Preflight
from tilework.runs.store import RunStore
from tilework.spec import RunSpec
from tilework.spec.load import parse_spec

SPECS = {
    "moving codes": lambda: tiny("vq", "bottleneck.revival={patience: 1, cooldown: 2}", "engine.ema_decay=0.9"),
    "noise": lambda: tiny("gaussian", "encoder.norm=batch", "optimizer.accumulate=2"),
    "bf16": lambda: tiny("rq", "engine.precision=bf16"),
    "two threads": lambda: tiny("fsq", "engine.threads=2"),
    "letters": lambda: parse_spec(next_token.small(engine={"steps": 6})),
    "prior": lambda: tiny_prior.prior("engine.steps=4", parent=tiny_prior.standing()),
}


@pytest.fixture(autouse=True)
def _threads() -> object:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def bits(run: RunFolder) -> dict[str, object]:
    """Every loss and every tensor of a run."""
    tensors = checkpoint.read_tensors(checkpoint.find(run.checkpoints).folder / "model.safetensors")
    with RunStore.open(run.db) as store:
        rows = {
            (name, split): store.metrics(name, split)[1].tolist()
            for name, split in store.series()
            if name not in {"steps_per_second", "data_wait"}
        }
    return {"rows": rows, **{name: tensor.numpy().tobytes() for name, tensor in tensors.items()}}


TWO_THREADS = pytest.param("two threads", marks=pytest.mark.slow)
"""Threads that wait for each other on a machine with much else to do."""
EACH = [TWO_THREADS if name == "two threads" else name for name in SPECS]


@pytest.mark.parametrize("name", EACH)
def test_the_run_is_the_same_with_it(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec: RunSpec = SPECS[name]()
    without = train(spec, root=tmp_path / "without")
    monkeypatch.setenv("TILEWORK_PREFLIGHT", "1")
    checked = train(spec, root=tmp_path / "with")
    with RunStore.open(checked.db) as store:
        found = Preflight.read(store.get_meta(META))
    assert len(found.results) >= 9
    assert bits(checked) == bits(without)


@pytest.mark.parametrize("name", EACH)
def test_the_session_is_as_it_was(name: str) -> None:
    session = begin(SPECS[name](), Silent())
    model, threads = session.parts.model, torch.get_num_threads()
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    drawn = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[union-attr]
    preflight(session)
    assert torch.equal(torch.get_rng_state(), drawn[0])
    assert random.getstate() == drawn[1]
    assert np.random.get_state()[1].tolist() == drawn[2]  # type: ignore[union-attr]
    assert torch.get_num_threads() == threads
    assert model.training
    assert all(p.grad is None for p in model.parameters())
    assert not session.parts.stepper.inner.state
    assert all(torch.equal(tensor, before[key]) for key, tensor in model.state_dict().items())
