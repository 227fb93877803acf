"""Each simple term against its formula written out in NumPy, and the promise that holds for all: duplicating changes nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tilework.errors import UserError
from tilework.objective import LossTerm, Outcome
from tilework.spec import TERMS


def term(kind: str, **settings: object) -> LossTerm:
    return TERMS.parse({"kind": kind, **settings}).build()  # type: ignore[attr-defined]


@pytest.fixture
def outcome() -> Outcome:
    g = torch.Generator().manual_seed(1)
    return Outcome(
        x=torch.rand(5, 3, 6, 4, generator=g),
        recon=torch.rand(5, 3, 6, 4, generator=g).requires_grad_(),
        losses={
            "kl_per_dim": torch.tensor([0.02, 0.7, 1.5], requires_grad=True),
            "commitment": torch.tensor(0.3, requires_grad=True),
            "codebook": torch.tensor(0.4, requires_grad=True),
        },
        inputs=(torch.randn(40, 2, generator=g),),
        codebooks=(torch.randn(7, 2, generator=g).requires_grad_(),),
    )


def by_hand(kind: str, x: np.ndarray, r: np.ndarray) -> np.ndarray:
    if kind == "mse":
        return (x - r) ** 2
    if kind == "l1":
        return np.abs(x - r)
    return -(x * np.log(r) + (1 - x) * np.log(1 - r))


@pytest.mark.parametrize("kind", ["mse", "l1", "bce"])
def test_pixel_terms_equal_their_formula(kind: str, outcome: Outcome) -> None:
    x, r = outcome.x.double().numpy(), outcome.recon.detach().double().numpy()
    each = by_hand(kind, x, r)
    assert term(kind, per="pixel")(outcome).item() == pytest.approx(each.mean(), rel=1e-5)
    assert term(kind, per="image")(outcome).item() == pytest.approx(each.sum(axis=(1, 2, 3)).mean(), rel=1e-5)


def test_bce_is_finite_and_has_finite_gradients_at_saturated_pixels() -> None:
    x = torch.tensor([0.0, 1.0, 0.0, 1.0]).view(1, 1, 2, 2)
    logits = torch.tensor([200.0, -200.0, -200.0, 200.0]).view(1, 1, 2, 2).requires_grad_()
    value = term("bce")(Outcome(x, torch.sigmoid(logits)))
    value.backward()
    assert value.item() == pytest.approx(200.0)
    assert torch.isfinite(logits.grad).all()


def test_bce_names_the_decoder_when_its_output_is_not_bounded(outcome: Outcome) -> None:
    with pytest.raises(UserError, match="needs reconstructions in") as caught:
        term("bce")(Outcome(outcome.x, outcome.recon.detach() * 3 - 1))
    assert "decoder.output=sigmoid" in caught.value.fix


def test_kl_sums_dimensions_and_free_bits_hold_each_one_up(outcome: Outcome) -> None:
    assert term("kl")(outcome).item() == pytest.approx(0.02 + 0.7 + 1.5)
    value = term("kl", free_bits=0.5)(outcome)
    assert value.item() == pytest.approx(0.5 + 0.7 + 1.5)
    (grad,) = torch.autograd.grad(value, outcome.losses["kl_per_dim"])
    assert grad.tolist() == [0.0, 1.0, 1.0]  # the dimension below its free bits is not pushed


def test_kl_of_a_known_gaussian() -> None:
    # KL(N(1, 4) || N(0, 1)) = (1 + 4 - ln 4 - 1) / 2; the bottleneck gives it per dimension, the term must not rescale it.
    one = (1 + 4 - math.log(4) - 1) / 2
    x = torch.zeros(2, 1, 2, 2)
    assert term("kl")(Outcome(x, x, {"kl_per_dim": torch.full((12,), one)})).item() == pytest.approx(12 * one)


def test_commitment_and_codebook_pass_the_bottleneck_value_through(outcome: Outcome) -> None:
    for kind, value in (("commitment", 0.3), ("codebook", 0.4)):
        got = term(kind)(outcome)
        assert got.item() == pytest.approx(value)
        assert got.requires_grad


@pytest.mark.parametrize("kind", ["mse", "l1", "bce"])
@pytest.mark.parametrize("per", ["pixel", "image"])
def test_duplicating_the_batch_changes_no_reconstruction_term(kind: str, per: str, outcome: Outcome) -> None:
    twice = Outcome(outcome.x.repeat(2, 1, 1, 1), outcome.recon.repeat(2, 1, 1, 1))
    t = term(kind, per=per)
    assert t(twice).item() == pytest.approx(t(outcome).item(), rel=1e-6)


def test_edges_equal_their_formula_and_duplicating_changes_nothing(outcome: Outcome) -> None:
    error = outcome.recon.detach().double().numpy() - outcome.x.double().numpy()
    expected = np.abs(np.diff(error, axis=3)).mean() + np.abs(np.diff(error, axis=2)).mean()
    value = term("edges")(outcome)
    assert value.item() == pytest.approx(expected, rel=1e-5)
    (grad,) = torch.autograd.grad(value, outcome.recon)
    assert grad.abs().sum() > 0
    twice = Outcome(outcome.x.repeat(2, 1, 1, 1), outcome.recon.repeat(2, 1, 1, 1))
    assert term("edges")(twice).item() == pytest.approx(expected, rel=1e-5)


def test_edges_cost_a_blur_more_than_a_shift_of_all_pixels() -> None:
    sharp = (torch.arange(16) % 8 < 4).float().expand(1, 1, 16, 16)
    blurred = torch.nn.functional.avg_pool2d(sharp, 3, stride=1, padding=1, count_include_pad=False)
    assert term("edges")(Outcome(sharp, blurred)).item() > 0.1
    assert term("edges")(Outcome(sharp, sharp + 0.2)).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (1, 1, 1, 5), (1, 1, 5, 1)])
def test_edges_of_one_row_one_column_or_one_pixel_are_finite(shape: tuple[int, ...]) -> None:
    x = torch.rand(shape, generator=torch.Generator().manual_seed(3))
    value = term("edges")(Outcome(x, torch.zeros(shape)))
    assert torch.isfinite(value)
    assert (value > 0) == (x.numel() > 1)


def test_the_weight_of_commitment_defaults_to_the_papers_beta() -> None:
    assert TERMS.parse("commitment").weight.start_value == 0.25  # type: ignore[attr-defined]


def sharpness_by_hand(x: np.ndarray) -> np.ndarray:
    """The root of the mean squared Laplacian in each window of 4x2 (the image of the fixture is 6x4), plus 1e-4."""
    fine = 4 * x[..., 1:-1, 1:-1] - x[..., 1:-1, :-2] - x[..., 1:-1, 2:] - x[..., :-2, 1:-1] - x[..., 2:, 1:-1]
    return np.sqrt((fine**2).mean(axis=(2, 3)) + 1e-4)


def test_sharpness_equals_its_formula_and_duplicating_changes_nothing(outcome: Outcome) -> None:
    x, r = outcome.x.double().numpy(), outcome.recon.detach().double().numpy()
    expected = np.abs(sharpness_by_hand(x) - sharpness_by_hand(r)).mean()
    assert term("sharpness")(outcome).item() == pytest.approx(expected, rel=1e-5)
    twice = Outcome(outcome.x.repeat(2, 1, 1, 1), outcome.recon.repeat(2, 1, 1, 1))
    assert term("sharpness")(twice).item() == pytest.approx(expected, rel=1e-5)


def test_a_sharp_line_in_another_place_costs_less_sharpness_than_a_blurred_one() -> None:
    line = torch.zeros(1, 1, 32, 32)
    line[..., 15] = 1.0
    moved = line.roll(1, dims=3)
    blurred = (line + moved + line.roll(-1, dims=3)) / 3
    costs = [term("sharpness")(Outcome(line, other)).item() for other in (line, moved, blurred)]
    assert costs[0] == 0
    assert costs[1] < 0.3 * costs[2]


@pytest.mark.parametrize("side", [1, 2, 3, 9])
def test_sharpness_of_even_and_of_tiny_images_has_finite_gradients(side: int) -> None:
    recon = torch.full((2, 1, side, side), 0.5, requires_grad=True)
    value = term("sharpness")(Outcome(torch.ones(2, 1, side, side), recon))
    assert value.item() == pytest.approx(0, abs=1e-6)
    if value.requires_grad:
        value.backward()
        assert torch.isfinite(recon.grad).all()
