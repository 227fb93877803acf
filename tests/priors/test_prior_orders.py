"""Orders of a masked prior: every kind gives each position its turn once; Halton spreads."""

from __future__ import annotations

import pytest
import torch
from prior_examples import rng

from tilework.priors.orders.halton import halton_ranks, radical_inverse
from tilework.spec import ORDERS

every = pytest.mark.parametrize("kind", ORDERS.kinds)
GRID = (2, 3, 4)


def order(kind, seed=0, batch=6, grid=GRID):
    return ORDERS.module(kind).Order(batch, *grid, rng(seed))


def scores(one, seed=5):
    chance = -torch.rand(6, 24, generator=rng(seed)) if one.needs_drawn else None
    return one.scores(chance, 0.5)


def test_the_orders_are_these():
    assert ORDERS.kinds == ("confidence", "halton", "random")


@every
def test_no_two_positions_have_one_turn(kind):
    found = scores(order(kind))
    assert found.shape == (6, 24)
    assert found.device.type == "cpu"
    assert all(len(set(row.tolist())) == 24 for row in found)
    assert ORDERS.parse(kind).kind == kind


@every
def test_a_seed_is_one_order_and_items_differ(kind):
    assert torch.equal(scores(order(kind)), scores(order(kind)))
    assert not torch.equal(scores(order(kind)), scores(order(kind, seed=1)))
    found = scores(order(kind))
    assert not torch.equal(found[0], found[1])


@pytest.mark.parametrize("kind", ["halton", "random"])
def test_each_level_has_its_own(kind):
    one = order(kind)
    first = scores(one)
    assert torch.equal(scores(one), first)
    one.new_level()
    assert not torch.equal(scores(one), first)


def test_radical_inverse_mirrors_the_digits():
    assert [radical_inverse(n, 2) for n in range(1, 7)] == [0.5, 0.25, 0.75, 0.125, 0.625, 0.375]
    assert [radical_inverse(n, 3) for n in range(1, 4)] == pytest.approx([1 / 3, 2 / 3, 1 / 9])


@pytest.mark.parametrize("grid", [(1, 1, 1), (1, 8, 8), (1, 5, 7), (12, 4, 4), (1, 1, 9), (7, 1, 1)])
def test_halton_ranks_every_position_once(grid):
    ranks = halton_ranks(*grid)
    assert sorted(ranks) == list(range(grid[0] * grid[1] * grid[2]))


def test_halton_begins_spread_out():
    """The first four of 16 x 16 positions lie in at least three quarters, the first 64 fill all blocks of 4 x 4 about alike."""
    ranks = torch.tensor(halton_ranks(1, 16, 16)).view(16, 16)
    first = (ranks < 64).float().view(4, 4, 4, 4).sum((1, 3))
    assert float(first.min()) >= 2
    assert float(first.max()) <= 6
    rows, columns = torch.nonzero(ranks < 4, as_tuple=True)
    assert len({(int(r) // 8, int(c) // 8) for r, c in zip(rows, columns, strict=True)}) >= 3


def test_halton_starts_anywhere():
    starts = order("halton", batch=200, grid=(3, 4, 4)).scores(None, 1.0).argmax(1)
    assert len(set(starts.tolist())) > 40


def test_confidence_takes_the_surest_at_the_end():
    one = order("confidence")
    chance = -torch.rand(6, 24, generator=rng(7))
    assert torch.equal(one.scores(chance, 0.0).argmax(1), chance.argmax(1))
    assert not torch.equal(one.scores(chance, 1.0).argsort(1), chance.argsort(1))
