"""The Gaussian latent against torch.distributions, FSQ against a plain reading of the paper."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from tilework.bottlenecks import FSQ, Gaussian
from tilework.bottlenecks.fsq import Config as FSQConfig


def encoded(dim=4, seed=0):
    return torch.randn(16, 2 * dim, 3, 2, generator=torch.Generator().manual_seed(seed))


def test_kl_is_the_divergence_from_the_standard_normal():
    h = encoded()
    mu, logvar = h.chunk(2, 1)
    expected = kl_divergence(Normal(mu, (logvar / 2).exp()), Normal(0.0, 1.0)).mean((0, 2, 3))
    torch.testing.assert_close(Gaussian(dim=4)(h).losses["kl_per_dim"], expected)


def test_training_samples_and_evaluation_gives_mu():
    gaussian = Gaussian(dim=1)
    h = torch.cat([torch.full((20_000, 1, 1, 1), 2.0), torch.full((20_000, 1, 1, 1), -1.0)], 1)
    z = gaussian(h).z
    assert z.mean().item() == pytest.approx(2.0, abs=0.02)
    assert z.var().item() == pytest.approx(np.exp(-1.0), rel=0.05)
    assert torch.equal(gaussian.eval()(h).z, h[:, :1])


def test_noise_comes_from_the_global_generator():
    gaussian = Gaussian(dim=4)
    torch.manual_seed(3)
    first = gaussian(encoded()).z
    torch.manual_seed(3)
    assert torch.equal(gaussian(encoded()).z, first)
    assert not torch.equal(gaussian(encoded()).z, first)


@pytest.mark.parametrize(("logvar", "sign"), [(1e4, 1), (-1e4, -1), (25.0, 1), (-40.0, -1)])
def test_a_log_variance_out_of_range_is_finite_and_comes_back(logvar, sign):
    h = torch.zeros(2, 2, 1, 1)
    h[:, 1] = logvar
    h.requires_grad_()
    latent = Gaussian(dim=1)(h)
    assert latent.z.isfinite().all()
    latent.losses["kl_per_dim"].sum().backward()
    gradient = h.grad[:, 1]
    assert gradient.isfinite().all()
    assert (gradient * sign > 0).all()


@pytest.mark.parametrize("levels", [(8, 6, 5), (5, 5), (2, 3, 4), (256, 2), (7,)])
def test_every_level_of_every_channel_is_reached_and_no_other(levels):
    fsq = FSQ(levels=levels).eval()
    sweep = torch.linspace(-20, 20, 40_001)
    for channel, count in enumerate(levels):
        h = torch.zeros(1, len(sweep), len(levels))
        h[0, :, channel] = sweep
        values = fsq(h).z[0, :, channel].unique()
        expected = (np.arange(count) - count // 2) / (count // 2)
        assert values.tolist() == pytest.approx(expected.tolist())


@pytest.mark.parametrize("levels", [(8, 6, 5), (2, 3, 4)])
def test_codes_and_values_are_one_to_one(levels):
    fsq = FSQ(levels=levels).eval()
    k = int(np.prod(levels))
    assert fsq.codes_per_level == k
    values = fsq.decode(torch.arange(k).view(1, 1, k))[0]
    # First channel least significant.
    grid = [(np.arange(n) - n // 2) / (n // 2) for n in levels]
    expected = [tuple(reversed(point)) for point in itertools.product(*reversed(grid))]
    torch.testing.assert_close(values, torch.tensor(expected, dtype=torch.float32))


def test_codes_are_the_papers_formula():
    """round(((L-1)(1+eps)/2) tanh(x + shift) - offset), digit by digit, in float64."""
    levels = np.array([8, 6, 5])
    h = torch.randn(1, 4000, 3, generator=torch.Generator().manual_seed(0)) * 2
    half, offset = (levels - 1) * 1.001 / 2, np.where(levels % 2 == 0, 0.5, 0)
    digits = np.round(half * np.tanh(h[0].double().numpy() + np.arctanh(offset / half)) - offset) + levels // 2
    expected = np.ravel_multi_index(digits.astype(int).T[::-1], tuple(levels[::-1]))
    found = FSQ(levels=levels.tolist())(h).codes[0, 0].numpy()
    assert np.mean(found == expected) > 0.999


@pytest.mark.parametrize("levels", [[8, 6, 5], [2, 3, 256]])
def test_what_is_not_rounded_is_bounded_all_the_same(levels):
    """((L-1)(1+eps)/2 tanh(x + shift) - offset) / floor(L/2), in float64: half a step from its code at most."""
    count = np.array(levels)
    h = torch.randn(2, len(levels), 20, 30, generator=torch.Generator().manual_seed(0)) * 20
    half, offset = (count - 1) * 1.001 / 2, np.where(count % 2 == 0, 0.5, 0)
    x = h.double().numpy().transpose(0, 2, 3, 1)
    expected = (half * np.tanh(x + np.arctanh(offset / half)) - offset) / (count // 2)
    fsq = FSQ(levels=levels)
    found = fsq.unquantised(h).numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    codes = fsq.infer(h)[1].numpy().transpose(0, 2, 3, 1)
    assert np.all(np.abs(found - codes) <= 0.502 / (count // 2))


def test_the_gradient_is_that_of_the_bounded_value():
    h = torch.randn(1, 50, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    FSQ(levels=[8, 6, 5])(h).z.sum().backward()
    half = torch.tensor([7 * 1.001 / 2, 5 * 1.001 / 2, 4 * 1.001 / 2])
    shift = torch.atanh(torch.tensor([0.5, 0.5, 0.0]) / half)
    expected = half / torch.tensor([4.0, 3.0, 2.0]) * (1 - torch.tanh(h.detach() + shift) ** 2)
    torch.testing.assert_close(h.grad, expected)


@pytest.mark.parametrize("levels", [(8, 6, 5), (2, 3, 4), (256, 7, 2)])
def test_commitment_is_nothing_within_the_levels_and_brings_back_what_is_beyond(levels):
    """The outermost level begins where a sweep first gives it; one unit further the loss begins, and there alone is it felt."""
    fsq = FSQ(levels=levels)
    sweep = torch.linspace(-12, 12, 24_001)
    for channel in range(len(levels)):
        x = (-fsq.shift).repeat(1, len(sweep), 1)  # the other channels lie in the middle of their levels
        x[0, :, channel] = sweep
        z = fsq(x).z[0, :, channel].detach()
        first, last = sweep[z > z.min()].min().item() - 1, sweep[z < z.max()].max().item() + 1
        h = x[0].clone().requires_grad_()
        loss = fsq(h[None]).losses["commitment"]
        loss.backward()
        felt = h.grad[:, channel] != 0
        assert sweep[~felt].min().item() == pytest.approx(first, abs=5e-3)
        assert sweep[~felt].max().item() == pytest.approx(last, abs=5e-3)
        beyond = np.maximum(0, np.maximum(sweep.numpy() - last, first - sweep.numpy()))
        assert loss.item() == pytest.approx(np.square(beyond).mean() / len(levels), rel=1e-2)


def test_a_saturated_encoder_has_no_other_gradient():
    h = torch.full((1, 4, 2), 30.0, requires_grad=True)
    latent = FSQ(levels=[5, 5])(h)
    latent.z.sum().backward()
    assert (h.grad == 0).all()
    latent = FSQ(levels=[5, 5])(h)
    latent.losses["commitment"].backward()
    assert (h.grad > 0).all()


def test_fsq_has_no_state():
    assert FSQ(levels=[8, 5]).state_dict() == {}
    assert FSQConfig(levels=(8, 5)).dim == 2
