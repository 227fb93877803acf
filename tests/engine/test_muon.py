"""Muon: what an orthogonal step is, which weights take one, and that the others move as in AdamW."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

from tilework.engine.muon import QUICKER, Muon, grouped, orthogonal
from tilework.engine.step import make_optimizer
from tilework.priors.blocks.codes import Logits
from tilework.spec import OptimizerSettings

CPU = torch.device("cpu")
SETTINGS = {"lr": 1e-2, "weight_decay": 0.1}


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.inner, self.wide = nn.Embedding(5, 6), nn.Linear(6, 12), nn.Linear(12, 4)
        self.kernel, self.out = nn.Conv1d(1, 8, 3, padding=1), Logits(4, 5)

    def forward(self, codes):
        x = torch.tanh(self.inner(self.table(codes)))
        return self.out(self.wide(self.kernel(x[:, None]).mean(1)))


def net():
    torch.manual_seed(0)
    return Net()


def one_step(model, optimizer):
    codes = torch.arange(5)
    nn.functional.cross_entropy(model(codes), codes.roll(1)).backward()
    optimizer.step()
    optimizer.zero_grad()


@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (9, 4), (1, 7)])
def test_all_singular_values_become_about_one_and_the_directions_stay(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    u, before, vt = np.linalg.svd(matrix.numpy(), full_matrices=False)
    found = orthogonal(matrix).float().numpy()
    assert found.shape == shape
    inner = u.T @ found @ vt.T
    seen = np.diag(inner)[before > 0.05 * before[0]]
    assert 0.6 < seen.min() <= seen.max() < 1.3
    assert np.abs(inner - np.diag(np.diag(inner))).max() < 0.1  # bf16


def test_which_weights_are_matrices():
    model = net()
    matrices, others = (group["params"] for group in grouped(model, list(model.parameters())))
    assert {id(p) for p in matrices} == {id(model.inner.weight), id(model.wide.weight), id(model.kernel.weight)}
    assert len(matrices) + len(others) == len(list(model.parameters()))


def test_other_weights_move_as_in_adamw_and_matrices_by_an_orthogonal_step():
    model, plain = net(), net()
    start = model.inner.weight.detach().clone()
    optimizer = Muon(grouped(model, list(model.parameters())), **SETTINGS)
    one_step(model, optimizer)
    one_step(plain, torch.optim.AdamW(plain.parameters(), **SETTINGS))
    for name in ("table.weight", "inner.bias", "kernel.bias", "out.weight", "out.bias"):
        assert torch.allclose(model.get_parameter(name), plain.get_parameter(name))
    lr = QUICKER * SETTINGS["lr"]
    moved = (model.inner.weight.detach() - (1 - lr * SETTINGS["weight_decay"]) * start) / (lr * math.sqrt(12 / 6))
    values = np.linalg.svd(moved.numpy(), compute_uv=False)
    assert 0.6 < values[0] < 1.3
    assert values[1] > 0.5 * values[0]  # of the gradient it is the first that counts alone


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch before 2.9 has none to compare with")
def test_matrices_move_as_in_torch():
    """Where torch has one: the same but for the rate, and for its momentum, an average that is twenty times smaller."""
    model, plain = net(), net()
    optimizer = Muon(grouped(model, list(model.parameters())), lr=1e-3, weight_decay=0.1)
    same = torch.optim.Muon([plain.inner.weight, plain.wide.weight], lr=QUICKER * 1e-3, weight_decay=0.1, momentum=0.95)
    for _ in range(3):
        one_step(model, optimizer)
        one_step(plain, same)
        with torch.no_grad():  # what torch's does not move
            for ours, theirs in zip(model.parameters(), plain.parameters(), strict=True):
                if theirs is not plain.inner.weight and theirs is not plain.wide.weight:
                    theirs.copy_(ours)
    start = net()
    for name in ("inner.weight", "wide.weight"):
        ours, theirs = (other.get_parameter(name) - start.get_parameter(name) for other in (model, plain))
        # Directions that the gradient hardly has are rounded away in bf16, on one way or another.
        assert float((ours - theirs).detach().norm()) < 0.15 * float(theirs.detach().norm())


def test_its_state_survives():
    first, second = net(), net()
    settings = OptimizerSettings(kind="muon", lr=1e-2)
    one, other = make_optimizer(settings, first, CPU), make_optimizer(settings, second, CPU)
    one_step(first, one)
    second.load_state_dict(first.state_dict())
    other.load_state_dict(copy.deepcopy(one.state_dict()))
    for model, optimizer in ((first, one), (second, other)):
        one_step(model, optimizer)
    for ours, theirs in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_kernel_moves_as_the_matrix_of_its_first_dimension_by_the_others():
    torch.manual_seed(0)
    kernel, matrix = nn.Conv2d(3, 5, 2), nn.Linear(12, 5)
    with torch.no_grad():
        matrix.weight.copy_(kernel.weight.flatten(1))
    optimizer = Muon(grouped(nn.ModuleList([kernel, matrix]), [kernel.weight, matrix.weight]), **SETTINGS)
    for seed in range(2):
        gradient = torch.randn(5, 3, 2, 2, generator=torch.Generator().manual_seed(seed))
        kernel.weight.grad, matrix.weight.grad = gradient, gradient.flatten(1)
        optimizer.step()
    assert torch.allclose(kernel.weight.flatten(1), matrix.weight, atol=1e-6)
