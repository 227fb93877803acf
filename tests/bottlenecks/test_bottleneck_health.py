"""Health figures against closed forms and NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tilework.bottlenecks import VQ, Gaussian
from tilework.bottlenecks.health import Activity, Usage, duplicate_codes, expected_used, perplexity


def test_perplexity_of_known_distributions():
    assert perplexity(torch.ones(64)).item() == pytest.approx(64, rel=1e-5)
    assert perplexity(torch.tensor([5.0, 0.0, 0.0])).item() == pytest.approx(1)
    assert perplexity(torch.zeros(3)).item() == 1
    shares = np.array([0.5, 0.25, 0.25])
    assert perplexity(torch.tensor(shares * 40)).item() == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))


def test_usage_adds_up_over_batches_and_levels():
    generator = torch.Generator().manual_seed(0)
    usage = Usage(2, 16)
    seen = []
    for _ in range(5):
        codes = torch.randint(12, (3, 2, 4, 5), generator=generator)
        codes[:, 1] = codes[:, 1] % 3
        usage.add(codes)
        seen.append(codes)
    for level, figures in enumerate(usage.levels):
        flat = torch.cat(seen)[:, level].flatten().numpy()
        counts = np.bincount(flat, minlength=16)
        shares = counts[counts > 0] / counts.sum()
        assert usage.counts[level].tolist() == counts.tolist()
        assert figures.used == (counts > 0).sum()
        assert figures.tokens == 300
        assert figures.codes == 16
        assert figures.tokens_per_code == 300 / 16
        assert figures.perplexity == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))
        assert figures.as_dict()["expected_used"] == pytest.approx(16 * (1 - math.exp(-300 / 16)))
    with pytest.raises(ValueError, match="levels"):
        usage.add(torch.zeros(1, 3, 1, 1, dtype=torch.int64))


@pytest.mark.parametrize(("k", "n"), [(100, 50), (1000, 1000), (512, 6000)])
def test_expected_use_is_what_uniform_tokens_cover(k, n):
    generator = torch.Generator().manual_seed(0)
    covered = [len(torch.randint(k, (n,), generator=generator).unique()) for _ in range(200)]
    assert expected_used(k, n) == pytest.approx(np.mean(covered), rel=0.01)


def test_activity_is_that_of_the_whole_pass():
    torch.manual_seed(0)
    gaussian = Gaussian(dim=3).eval()
    # Batches whose means differ: the variance of mu is that over all tokens, not the mean of the batches' variances.
    batches = [
        torch.randn(n, 6, 1, 1) * torch.tensor([1, 1e-3, 1, 0.1, 1e-3, 1]).view(6, 1, 1)
        + n / 10 * torch.tensor([1.0, 0, 0, 0, 0, 0]).view(6, 1, 1)
        for n in (10, 30)
    ]
    activity = Activity(3)
    for h in batches:
        activity.add(gaussian(h).stats, tokens=len(h))
    mu, logvar = torch.cat(batches)[:, :3, 0, 0].double(), torch.cat(batches)[:, 3:, 0, 0].double()
    kl = (mu**2 + logvar.exp() - 1 - logvar).mul(0.5).mean(0)
    torch.testing.assert_close(activity.kl_per_dim, kl, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(activity.mu_variance, mu.var(0, correction=0), rtol=1e-4, atol=1e-8)
    assert activity.active.tolist() == [True, False, True]
    assert activity.active_by_variance.tolist() == [True, False, True]
    assert activity.tokens == 40


def test_duplicates_are_counted():
    codes = torch.randn(10, 3)
    assert duplicate_codes(codes) == 0
    codes[4] = codes[1]
    codes[7] = codes[1]
    assert duplicate_codes(codes) == 2


def test_step_stats_of_a_codebook():
    torch.manual_seed(0)
    vq = VQ(dim=4, codes=8, start="random").eval()
    h = torch.randn(2, 50, 4)
    stats = vq(h).stats
    assert stats["z_norm"].item() == pytest.approx(h.norm(dim=-1).mean().item(), rel=1e-5)
    assert stats["code_norm"].item() == pytest.approx(vq.codebook.norm(dim=-1).mean().item(), rel=1e-5)
    assert stats["quantisation_error"].item() == pytest.approx((vq(h).z - h).square().mean().item(), rel=1e-5)
    assert stats["counts"].sum().item() == 100
