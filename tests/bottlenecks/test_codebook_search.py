"""The nearest code against brute force in float64, over shapes that take every path of the search."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tilework.bottlenecks.codebook.search import _best, _block, nearest


def excess(x, codes, chosen):
    """How much farther than the nearest the chosen codes are, and the bound that the docstring gives (float64)."""
    x, codes = x.double().numpy(), codes.double().numpy()
    distance = ((x[:, None] - codes[None]) ** 2).sum(-1)
    size, norms = np.linalg.norm(x, axis=1), np.linalg.norm(codes, axis=1)
    bound = 4 * (x.shape[1] + 3) * 2**-24 * (size[:, None] * norms + norms**2 / 2).max(1)
    return distance[np.arange(len(x)), chosen.numpy()] - distance.min(1), bound


@pytest.mark.parametrize("chunk_mib", [None, 1e-3, 0.01, 0.1])
@pytest.mark.parametrize(
    ("n", "d", "k"),
    [
        (1, 1, 2),
        (128, 2, 16),
        (300, 3, 1000),
        (77, 16, 513),
        (64, 64, 3000),
        (7, 4, 20000),
        (16, 1, 4099),
        (1033, 8, 517),
    ],
)
def test_equals_brute_force_up_to_rounding(n, d, k, chunk_mib):
    generator = torch.Generator().manual_seed(n + k)
    x, codes = torch.randn(n, d, generator=generator), torch.randn(k, d, generator=generator)
    chosen = nearest(x, codes, chunk_mib=chunk_mib)
    assert chosen.dtype == torch.int64
    over, bound = excess(x, codes, chosen)
    assert np.all(over <= bound)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 50),
    d=st.integers(1, 20),
    k=st.integers(2, 200),
    offset=st.floats(-100, 100),
    scale=st.floats(1e-3, 1e3),
    chunk=st.sampled_from([None, 1e-3, 3e-3, 0.02]),
)
def test_within_the_stated_bound(seed, n, d, k, offset, scale, chunk):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=generator) * scale + offset
    codes = torch.randn(k, d, generator=generator) * scale + offset
    over, bound = excess(x, codes, nearest(x, codes, chunk_mib=chunk))
    assert np.all(over <= bound)


@pytest.mark.parametrize("chunk_mib", [None, 1e-3, 0.01])
def test_integers_are_exact_and_ties_go_to_the_lowest_index(chunk_mib):
    """Small integers have no rounding at all, and many ties."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(-3, 4, (500, 3), generator=generator).float()
    codes = torch.randint(-3, 4, (900, 3), generator=generator).float()
    brute = ((x[:, None].numpy() - codes[None].numpy()) ** 2).sum(-1).argmin(1)
    assert np.array_equal(nearest(x, codes, chunk_mib=chunk_mib).numpy(), brute)


def test_takes_no_part_in_autograd():
    x = torch.randn(4, 2, requires_grad=True)
    codes = torch.randn(3, 2, requires_grad=True)
    assert not nearest(x, codes).requires_grad


@pytest.mark.parametrize("floats", [64, 2**10, 2**18, 2**20, 2**26])
@pytest.mark.parametrize(("n", "k"), [(1, 2), (128, 16), (16384, 512), (8192, 4096), (8192, 16384), (65536, 262144)])
def test_a_block_never_holds_more_than_it_may(n, k, floats):
    rows, columns = _block(n, k, floats)
    assert 1 <= rows <= n
    assert 1 <= columns <= k
    assert rows * columns <= floats


@pytest.mark.parametrize("k", [1, 2, 63, 64, 255, 256, 257, 300, 511, 512, 2048, 2049, 2176, 4099])
def test_the_largest_score_and_its_lowest_index(k):
    """Few different values, so that almost every row has ties, across groups and in the part that fills none."""
    generator = torch.Generator().manual_seed(k)
    for values in (2, 5, 1000):
        scores = torch.randint(-values, values, (41, k), generator=generator).float()
        best, index = _best(scores)
        assert np.array_equal(index.numpy(), scores.numpy().argmax(1))
        assert np.array_equal(best.numpy(), scores.numpy().max(1))
    assert _best(torch.full((3, k), -torch.inf))[1].tolist() == [0, 0, 0]
