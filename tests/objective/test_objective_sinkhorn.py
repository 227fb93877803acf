"""Sinkhorn against a brute-force one in float64, against exact assignment, and against its own promises."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from scipy.special import logsumexp

from tilework.errors import UserError
from tilework.objective import LossTerm, Objective, Outcome
from tilework.objective.sinkhorn import transport_cost, transport_plan
from tilework.spec import TERMS


def squared_distances(x: np.ndarray, c: np.ndarray) -> np.ndarray:
    return ((x[:, None, :] - c[None, :, :]) ** 2).sum(-1)


def brute_force_plan(cost: np.ndarray, epsilon: float, iterations: int) -> np.ndarray:
    """Potentials f and g in cost units, updated one after the other, in float64."""
    n, k = cost.shape
    f, g = np.zeros(n), np.zeros(k)
    for _ in range(iterations):
        f = -epsilon * logsumexp((g[None, :] - cost) / epsilon, axis=1, b=1 / k)
        g = -epsilon * logsumexp((f[:, None] - cost) / epsilon, axis=0, b=1 / n)
    return np.exp((f[:, None] + g[None, :] - cost) / epsilon) / (n * k)


@pytest.fixture
def clouds() -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(4)
    return torch.randn(60, 3, generator=g) + 2.0, torch.randn(9, 3, generator=g).requires_grad_()


@pytest.mark.parametrize("epsilon", [0.01, 0.2, 1.0])
@pytest.mark.parametrize("iterations", [1, 20])
def test_plan_and_cost_equal_brute_force(
    clouds: tuple[torch.Tensor, torch.Tensor], epsilon: float, iterations: int
) -> None:
    data, codes = clouds
    cost = squared_distances(data.double().numpy(), codes.detach().double().numpy())
    expected = brute_force_plan(cost, epsilon, iterations)
    plan = transport_plan(torch.from_numpy(cost).float(), epsilon, iterations)
    # Float32 at epsilon 0.01 has scores of some thousands, hence the tolerance.
    np.testing.assert_allclose(plan.numpy(), expected, atol=2e-3 / 60)
    got = transport_cost(data, codes, epsilon, iterations)
    assert got.item() == pytest.approx((expected * cost).sum(), rel=2e-3)


def test_marginals_hold(clouds: tuple[torch.Tensor, torch.Tensor]) -> None:
    data, codes = clouds
    cost = torch.from_numpy(squared_distances(data.numpy(), codes.detach().numpy()))
    few = transport_plan(cost, 0.2, 1)
    torch.testing.assert_close(few.sum(0), torch.full((9,), 1 / 9), rtol=1e-4, atol=0)  # after any number
    many = transport_plan(cost, 0.5, 500)
    torch.testing.assert_close(many.sum(0), torch.full((9,), 1 / 9), rtol=1e-4, atol=0)
    torch.testing.assert_close(many.sum(1), torch.full((60,), 1 / 60), rtol=1e-3, atol=0)  # once converged


def test_small_epsilon_approaches_the_exact_assignment() -> None:
    g = torch.Generator().manual_seed(0)
    data, codes = torch.rand(8, 2, generator=g), torch.rand(8, 2, generator=g)
    cost = squared_distances(data.numpy(), codes.numpy())
    rows, columns = linear_sum_assignment(cost)
    assert transport_cost(data, codes, 1e-3, 1000).item() == pytest.approx(cost[rows, columns].mean(), rel=1e-2)
    plan = transport_plan(torch.from_numpy(cost).double(), 1e-3, 3000)
    assert plan.argmax(dim=1).tolist() == columns.tolist()


def test_gradient_is_that_of_the_entropic_value_at_convergence(clouds: tuple[torch.Tensor, torch.Tensor]) -> None:
    """Envelope theorem: a finite difference of the whole problem's value (cost + epsilon KL), solved anew each time."""
    data, codes = clouds
    points, places = data.double().numpy(), codes.detach().double().numpy()

    def value(c: np.ndarray) -> float:
        cost = squared_distances(points, c)
        plan = brute_force_plan(cost, 0.5, 300)
        return float((plan * cost).sum() + 0.5 * (plan * np.log(plan * plan.size)).sum())

    (grad,) = torch.autograd.grad(transport_cost(data.double(), codes.double(), 0.5, 300), codes)
    for j, d in ((0, 0), (3, 2), (8, 1)):
        step = np.zeros_like(places)
        step[j, d] = 1e-4
        assert grad[j, d].item() == pytest.approx(
            (value(places + step) - value(places - step)) / 2e-4, rel=1e-3, abs=1e-6
        )


def test_a_dead_code_is_pulled_to_the_data_and_the_data_stay() -> None:
    g = torch.Generator().manual_seed(2)
    data = torch.randn(200, 2, generator=g).requires_grad_()
    codes = torch.cat([torch.randn(3, 2, generator=g), torch.tensor([[50.0, 50.0]])]).requires_grad_()
    transport_cost(data, codes, 0.2, 20).backward()
    assert data.grad is None
    moved = codes.detach() - 0.1 * codes.grad
    assert moved[3].norm() < codes[3].norm()
    assert codes.grad[3].norm() > 10  # 2/K x distance = 0.5 x ~70, where a codebook loss gives exactly 0


def test_relative_epsilon_does_not_depend_on_the_scale_of_the_latent(clouds: tuple[torch.Tensor, torch.Tensor]) -> None:
    data, codes = clouds
    small = transport_cost(data, codes, 0.1, 30, relative=True)
    large = transport_cost(100 * data, 100 * codes, 0.1, 30, relative=True)
    assert large.item() == pytest.approx(1e4 * small.item(), rel=1e-3)


def sinkhorn(**settings: object) -> LossTerm:
    return TERMS.parse({"kind": "sinkhorn", **settings}).build()  # type: ignore[attr-defined]


def test_term_is_the_mean_over_levels_and_uses_a_bounded_number_of_tokens(
    clouds: tuple[torch.Tensor, torch.Tensor],
) -> None:
    data, codes = clouds
    x = torch.zeros(1, 1, 2, 2)
    one = sinkhorn()(Outcome(x, x, inputs=(data,), codebooks=(codes,)))
    other = sinkhorn()(Outcome(x, x, inputs=(2 * data,), codebooks=(codes,)))
    both = sinkhorn()(Outcome(x, x, inputs=(data, 2 * data), codebooks=(codes, codes)))
    assert both.item() == pytest.approx((one.item() + other.item()) / 2, rel=1e-5)

    # A subset is at most as wide as asked, and repeated data make every subset of one value the same.
    few = sinkhorn(max_tokens=5)
    same = torch.ones(1000, 3)
    full = sinkhorn(max_tokens=1000)(Outcome(x, x, inputs=(same,), codebooks=(codes,)))
    assert few(Outcome(x, x, inputs=(same,), codebooks=(codes,))).item() == pytest.approx(full.item(), rel=1e-4)
    assert few._some(data).shape == (5, 3)  # type: ignore[operator]
    few.eval()
    assert torch.equal(few._some(data), data[[0, 12, 24, 36, 48]])  # type: ignore[operator]


def test_duplicating_the_tokens_changes_nothing(clouds: tuple[torch.Tensor, torch.Tensor]) -> None:
    data, codes = clouds
    once = transport_cost(data, codes, 0.2, 20)
    assert transport_cost(data.repeat(2, 1), codes, 0.2, 20).item() == pytest.approx(once.item(), rel=1e-4)


def test_it_is_refused_before_the_first_step_where_codes_do_not_learn_by_gradient() -> None:
    objective = Objective({k: TERMS.parse(k) for k in ("mse", "sinkhorn")})  # type: ignore[misc]
    objective.check([], learns_by_gradient=True)
    with pytest.raises(UserError, match="sinkhorn needs codes that learn by gradient") as caught:
        objective.check([], learns_by_gradient=False)
    assert caught.value.fix == "remove the term with objective.sinkhorn=null"
    x = torch.zeros(1, 1, 2, 2)
    with pytest.raises(UserError, match="has no effect on this bottleneck"):
        sinkhorn()(Outcome(x, x, inputs=(torch.zeros(3, 2),), codebooks=(torch.zeros(4, 2),)))
