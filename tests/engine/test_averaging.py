"""Averaged weights against the closed form of an exponential moving average."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tilework.engine.averaging import WeightAverage


def model(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def move(net: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in net.parameters():
            p.add_(torch.randn(p.shape, generator=generator))


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.999])
def test_average_is_the_closed_form(decay: float) -> None:
    """a_n = sum over all weights seen of each one's share; the shares are products of the decays, and sum to 1."""
    net = model()
    average = WeightAverage(net, decay)
    seen = [[p.detach().double().numpy().copy() for p in net.parameters()]]
    for step in range(30):
        move(net, step)
        average.update()
        seen.append([p.detach().double().numpy().copy() for p in net.parameters()])
    decays = [min(decay, (1 + n) / (10 + n)) for n in range(30)]
    shares = np.array([np.prod(decays)] + [(1 - d) * np.prod(decays[number + 1 :]) for number, d in enumerate(decays)])
    assert shares.sum() == pytest.approx(1.0)
    for number, slow in enumerate(average.slow.values()):
        expected = sum(share * weights[number] for share, weights in zip(shares, seen, strict=True))
        np.testing.assert_allclose(slow.numpy(), expected, atol=1e-4)


def test_the_first_weights_are_soon_forgotten() -> None:
    """With decay 0.999 alone, 100 steps would keep 90 % of the random initial weights."""
    net = nn.Linear(1, 1)
    average = WeightAverage(net, 0.999)
    with torch.no_grad():
        for p in net.parameters():
            p.fill_(5.0)
    for _ in range(100):
        average.update()
    assert all(torch.allclose(slow, torch.full_like(slow, 5.0), atol=1e-4) for slow in average.slow.values())


def test_in_place_swaps_and_puts_back_also_after_an_error() -> None:
    net = model()
    average = WeightAverage(net, 0.9)
    move(net, 1)
    average.update()
    fast = {k: v.clone() for k, v in net.state_dict().items()}
    with average.in_place():
        for name, p in net.named_parameters():
            assert torch.equal(p, average.slow[name])
            assert not torch.equal(p, fast[name])
    assert all(torch.equal(v, fast[k]) for k, v in net.state_dict().items())
    with pytest.raises(ZeroDivisionError), average.in_place():
        raise ZeroDivisionError
    assert all(torch.equal(v, fast[k]) for k, v in net.state_dict().items())


def test_frozen_weights_and_buffers_are_left_alone() -> None:
    net = model()
    net[0].weight.requires_grad_(False)
    average = WeightAverage(net, 0.9)
    assert "0.weight" not in average.slow
    assert "1.running_mean" not in average.slow
    mean = net[1].running_mean
    with average.in_place():
        assert net[1].running_mean is mean
