"""What every task must answer: the suite runs on whatever is registered, the toy of the tests too."""

from __future__ import annotations

from pathlib import Path

import next_token
import pytest
import tiny_prior
import torch
from tiny_runs import tiny

from tilework.engine import train
from tilework.engine.progress import Silent
from tilework.engine.session import begin
from tilework.engine.tasks import contract
from tilework.metrics import Metrics
from tilework.runs.store import RunStore
from tilework.spec import TASKS, RunSpec, dump_yaml
from tilework.spec.load import parse_spec
from tilework.spec.tasks import task_class
from tilework.spec.text import read_yaml

SPECS = {
    "autoencoder": lambda: tiny("vq"),
    "next-token": lambda: parse_spec(next_token.small()),
    "prior": lambda: tiny_prior.prior(parent=tiny_prior.standing()),
}
"""A small spec of every task; a new task adds one here."""


def test_every_task_has_a_spec_here() -> None:
    assert set(SPECS) == set(TASKS.kinds)


@pytest.mark.parametrize("task", sorted(SPECS))
def test_it_answers_all_that_the_engine_asks(task: str) -> None:
    kind = task_class(task)
    assert issubclass(kind, contract.Task)
    assert issubclass(kind.Spec, RunSpec)
    assert kind.Spec.model_fields["task"].default == task
    assert isinstance(begin(SPECS[task](), Silent()).parts.task.metrics, Metrics)
    assert kind.problems(SPECS[task]()) == []


@pytest.mark.parametrize("task", sorted(SPECS))
def test_its_spec_survives_being_written_and_read(task: str) -> None:
    spec = SPECS[task]()
    assert parse_spec(read_yaml(dump_yaml(spec), "spec")) == spec


@pytest.mark.parametrize("task", sorted(SPECS))
def test_its_data_position_is_two_numbers(task: str) -> None:
    feed = begin(SPECS[task](), Silent()).parts.data.train

    def tensors(batch: object) -> list[torch.Tensor]:
        found = [batch] if isinstance(batch, torch.Tensor) else vars(batch).values()
        return [one for one in found if isinstance(one, torch.Tensor)]

    whole = [tensors(batch) for batch in feed.epoch(1)]
    assert len(whole) == feed.steps_per_epoch
    for start in (0, 1, len(whole) - 1):
        rest = [tensors(batch) for batch in feed.epoch(1, start)]
        assert len(rest) == len(whole) - start
        for ours, theirs in zip(rest, whole[start:], strict=True):
            assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("task", sorted(SPECS))
def test_validation_changes_nothing(task: str) -> None:
    made = begin(SPECS[task](), Silent())
    before = {name: tensor.clone() for name, tensor in made.parts.model.state_dict().items()}
    random = torch.get_rng_state()
    first, second = (made.parts.task.validate(made.steering.final_weights()) for _ in range(2))
    assert first.metrics == second.metrics
    assert "loss" in first.metrics
    assert torch.equal(torch.get_rng_state(), random)
    assert made.parts.model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in made.parts.model.state_dict().items())


@pytest.mark.parametrize("task", sorted(SPECS))
def test_a_view_changes_nothing_and_its_header_holds_what_a_page_asks(task: str) -> None:
    made = begin(SPECS[task](), Silent())
    before = {name: tensor.clone() for name, tensor in made.parts.model.state_dict().items()}
    random = torch.get_rng_state()
    view = made.parts.task.view(made.parts.judged_weights)
    for arrays in (view.motion(0), view.images(still=True), view.kept(first=True), view.costly()):
        assert all(array.dtype.kind in "fiu" for array in arrays.values())
    assert view.header().keys() == contract.View().header().keys()
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(tensor, before[name]) for name, tensor in made.parts.model.state_dict().items())


@pytest.mark.parametrize("task", sorted(SPECS))
def test_what_it_logs_is_in_its_table_and_in_its_run(task: str, tmp_path: Path) -> None:
    run = train(SPECS[task](), root=tmp_path)
    with RunStore.open(run.db) as store:
        logged = {name for name, _ in store.series()}
        table = Metrics.read(store.meta())
        assert store.get_meta("task") == task
    assert {name for name in logged if name not in table} == set()
