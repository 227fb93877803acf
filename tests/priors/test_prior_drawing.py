"""Tokens from logits: what is left out, how often the rest is drawn, what is refused."""

from __future__ import annotations

import pytest
import torch
from prior_examples import rng

from tilework.errors import UserError
from tilework.priors.contract import Sampling
from tilework.priors.drawing import draw, guided, log_probability
from tilework.priors.drawing.draw import narrowed

LOGITS = torch.tensor([0.5, 0.05, 0.3, 0.15]).log()


def kept(**settings) -> list[int]:
    return narrowed(LOGITS, Sampling(**settings)).isfinite().nonzero().flatten().tolist()


def frequencies(count=20_000, **settings):
    drawn = draw(LOGITS.repeat(count, 1), Sampling(**settings), rng())
    return torch.bincount(drawn, minlength=4).double() / count


def test_top_k_and_top_p_keep_the_likeliest():
    assert kept() == [0, 1, 2, 3]
    assert kept(top_k=1) == [0]
    assert kept(top_k=2) == [0, 2]
    assert kept(top_k=4) == [0, 1, 2, 3]
    assert kept(top_p=0.4) == [0]
    assert kept(top_p=0.51) == [0, 2]
    assert kept(top_p=0.9) == [0, 2, 3]
    assert kept(top_p=1e-9) == [0]
    # top_p is of what top_k has left: .625 and .375.
    assert kept(top_k=2, top_p=0.6) == [0]
    # The temperature comes first: at 0.5 the likeliest has 0.68.
    assert kept(top_p=0.6, temperature=0.5) == [0]


def test_of_equal_logits_no_more_than_k_are_kept():
    assert int(narrowed(torch.zeros(10), Sampling(top_k=3)).isfinite().sum()) == 3


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, [0.5, 0.05, 0.3, 0.15]),
        ({"temperature": 0.5}, [0.25 / 0.365, 0.0025 / 0.365, 0.09 / 0.365, 0.0225 / 0.365]),
        ({"top_k": 2}, [0.625, 0, 0.375, 0]),
        ({"top_p": 0.9}, [0.5 / 0.95, 0, 0.3 / 0.95, 0.15 / 0.95]),
        ({"temperature": 1e-6}, [1, 0, 0, 0]),
    ],
)
def test_frequencies_are_the_probabilities(settings, wanted):
    found = frequencies(**settings)
    assert found.tolist() == pytest.approx(wanted, abs=0.015)  # four standard deviations of 20,000 draws
    assert [f == 0 for f in found] == [w == 0 for w in wanted]


def test_a_code_without_probability_is_never_drawn():
    logits = torch.full((50_000, 5), -200.0)
    logits[:, 1:3] = 0
    assert set(draw(logits, Sampling(), rng()).tolist()) == {1, 2}


def test_shapes_and_seeds():
    logits = torch.randn(2, 3, 5, 7, generator=rng(1))
    first, again, other = (draw(logits, Sampling(), rng(seed)) for seed in (0, 0, 1))
    assert first.shape == (2, 3, 5)
    assert first.dtype == torch.int64
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    # Half precision is drawn from in float32.
    assert draw(logits.bfloat16(), Sampling(top_k=1), rng()).shape == (2, 3, 5)
    assert draw(torch.zeros(0, 7), Sampling(), rng()).shape == (0,)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_refused(bad):
    logits = LOGITS.clone()
    logits[2] = bad
    with pytest.raises(UserError, match="not finite"):
        draw(logits, Sampling(top_k=1), rng())


def test_guidance_is_equation_6():
    both = torch.tensor([[1.0, 2.0], [0.5, 4.0]])
    assert guided(both, 0.0).tolist() == [[1.0, 2.0]]
    assert guided(both, 2.0).tolist() == [[3 * 1.0 - 2 * 0.5, 3 * 2.0 - 2 * 4.0]]


def test_log_probability():
    found = log_probability(LOGITS.repeat(2, 1), torch.tensor([2, 1]))
    assert found.exp().tolist() == pytest.approx([0.3, 0.05])
