"""Health figures against closed forms and NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tilework.bottlenecks import VQ
from tilework.bottlenecks.health import Usage, duplicate_codes, perplexity


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
    for level, (used, spread) in enumerate(zip(usage.used.tolist(), usage.perplexity.tolist(), strict=True)):
        flat = torch.cat(seen)[:, level].flatten().numpy()
        counts = np.bincount(flat, minlength=16)
        shares = counts[counts > 0] / counts.sum()
        assert usage.counts[level].tolist() == counts.tolist()
        assert used == (counts > 0).sum()
        assert spread == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))
    with pytest.raises(ValueError, match="levels"):
        usage.add(torch.zeros(1, 3, 1, 1, dtype=torch.int64))


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
