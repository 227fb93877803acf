"""The sum of all terms: weights over time, what is skipped, what is refused before the first step."""

from __future__ import annotations

import os
from typing import Any

import pytest
import torch

from tilework.errors import UserError
from tilework.objective import Objective, Outcome, TermConfig
from tilework.spec import TERMS


def terms(**raw: Any) -> dict[str, TermConfig]:
    settings = {k: v if isinstance(v, dict) else {"weight": v} for k, v in raw.items()}
    return {k: TERMS.parse({"kind": k, **v}) for k, v in settings.items()}  # type: ignore[misc]


def weights(objective: Objective, step: int) -> dict[str, float]:
    """Those that the schedules give at a step, in epochs of ten."""
    return {name: config.weight.at(step, 10) for name, config in objective.settings.items()}


@pytest.fixture
def outcome() -> Outcome:
    g = torch.Generator().manual_seed(1)
    losses = {"commitment": torch.tensor(0.3), "codebook": torch.tensor(0.4)}
    return Outcome(torch.rand(2, 3, 8, 8, generator=g), torch.rand(2, 3, 8, 8, generator=g).requires_grad_(), losses)


def test_total_is_the_weighted_sum_and_raw_values_are_unweighted(outcome: Outcome) -> None:
    objective = Objective(terms(mse=2.0, l1=0.5, commitment=0.25, codebook=1.0))
    total, raw = objective(outcome, weights(objective, 0))
    mse, l1 = (outcome.x - outcome.recon).square().mean(), (outcome.x - outcome.recon).abs().mean()
    assert total.item() == pytest.approx(2 * mse.item() + 0.5 * l1.item() + 0.25 * 0.3 + 0.4, rel=1e-6)
    assert raw["mse"].item() == pytest.approx(mse.item())
    assert not any(v.requires_grad for v in raw.values())
    total.backward()
    assert outcome.recon.grad is not None


def test_weights_as_tensors_equal_weights_as_floats(outcome: Outcome) -> None:
    objective = Objective(terms(mse=2.0, commitment=0.25))
    as_floats, _ = objective(outcome, {"mse": 2.0, "commitment": 0.0})
    as_tensors, raw = objective(outcome, {"mse": torch.tensor(2.0), "commitment": torch.tensor(0.0)})
    assert as_floats.item() == pytest.approx(as_tensors.item())
    assert "commitment" in raw  # a tensor's value is not read, so the term is evaluated


def test_a_term_of_constant_weight_0_is_not_built_until_it_gets_a_weight(
    outcome: Outcome, monkeypatch: pytest.MonkeyPatch, tmp_path: os.PathLike[str]
) -> None:
    monkeypatch.setenv("TILEWORK_CACHE", str(tmp_path))  # no LPIPS weights here
    monkeypatch.delenv("TILEWORK_LPIPS", raising=False)
    objective = Objective(terms(mse=1.0, lpips=0.0, kl=0.0, l1=0))
    assert set(objective.terms) == {"mse"}
    objective.check(outcome.losses)  # and is not asked what it needs
    total, raw = objective(outcome, weights(objective, 0))
    assert set(raw) == {"mse"}
    louder, raw = objective(outcome, {"mse": 1.0, "l1": 0.5})
    assert louder.item() == pytest.approx(total.item() + 0.5 * raw["l1"].item())
    with pytest.raises(UserError, match="has no weights"):
        objective(outcome, {"mse": 1.0, "lpips": 0.1})
    with pytest.raises(UserError, match="kl needs a KL divergence, which this bottleneck does not have"):
        objective(outcome, {"mse": 1.0, "kl": 0.1})


def test_a_term_whose_weight_rises_from_0_is_built_at_once_but_costs_nothing_while_0(
    outcome: Outcome, monkeypatch: pytest.MonkeyPatch, tmp_path: os.PathLike[str]
) -> None:
    monkeypatch.setenv("TILEWORK_CACHE", str(tmp_path))
    monkeypatch.delenv("TILEWORK_LPIPS", raising=False)
    rising = {"weight": {"kind": "staircase", "rise": 0.005, "every": "2 epochs", "limit": 0.15}}
    with pytest.raises(UserError, match="has no weights"):  # before the first step, not at epoch 2
        Objective(terms(mse=1.0, lpips=rising))
    objective = Objective(terms(mse=1.0, l1=rising))
    assert set(objective.terms) == {"mse", "l1"}
    assert set(objective(outcome, weights(objective, 0))[1]) == {"mse"}
    assert set(objective(outcome, weights(objective, 20))[1]) == {"mse", "l1"}


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("kl", {"commitment"}, "needs a KL divergence"),
        ("codebook", {"commitment"}, "needs a codebook loss"),
        ("commitment", set(), "needs a commitment loss"),
    ],
)
def test_a_bottleneck_without_the_loss_is_refused_before_the_first_step(
    kind: str, given: set[str], message: str
) -> None:
    objective = Objective(terms(mse=1.0, **{kind: 0.5}))
    with pytest.raises(UserError, match=message) as caught:
        objective.check(given)
    assert caught.value.fix == f"remove the term with objective.{kind}=null"
    assert caught.value.override == f"objective.{kind}=null"
    objective.check(given | set(TERMS.config(kind).needs))  # type: ignore[attr-defined]


def test_a_rehearsal_finds_what_a_term_cannot_work_with(outcome: Outcome) -> None:
    objective = Objective(terms(mse=1.0, bce=0.1))
    objective.rehearse(outcome)
    with pytest.raises(UserError, match="needs reconstructions in"):
        Objective(terms(mse=1.0, bce=0.1)).rehearse(Outcome(outcome.x, outcome.recon - 1))


def test_an_objective_without_reconstruction_is_refused() -> None:
    with pytest.raises(UserError, match="no reconstruction term"):
        Objective(terms(commitment=0.25))
    Objective(terms(l1=1.0, kl=0.1, mse=0))  # one of them is enough


def test_a_term_that_the_run_does_not_have_is_named(outcome: Outcome) -> None:
    with pytest.raises(UserError, match="no loss term 'l1' in this run"):
        Objective(terms(mse=1.0))(outcome, {"mse": 1.0, "l1": 1.0})


def test_every_term_is_float32_under_autocast(outcome: Outcome) -> None:
    objective = Objective(terms(mse=1.0, l1=1.0))
    plain, _ = objective(outcome, {"mse": 1.0, "l1": 1.0})
    with torch.autocast("cpu", torch.bfloat16):
        total, raw = objective(outcome, {"mse": 1.0, "l1": 1.0})
    assert total.dtype == torch.float32
    assert {v.dtype for v in raw.values()} == {torch.float32}
    assert total.item() == plain.item()


@pytest.mark.parametrize("kind", TERMS.kinds)
def test_every_term_has_a_description(kind: str) -> None:
    config = TERMS.config(kind)
    assert issubclass(config, TermConfig)
    assert config.model_fields["kind"].default == kind
    assert (config.__doc__ or "").strip()
    for name, field in config.model_fields.items():
        assert field.description or name == "kind", f"{kind}.{name} has no description"
