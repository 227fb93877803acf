"""A batch that has no token, or none that is finite: losses and gradients of 0, and the layer is as it was."""

from __future__ import annotations

import math

import pytest
import torch

from tilework.bottlenecks import RQ, VQ
from tilework.bottlenecks.tokens import finite_tokens
from tilework.errors import UserError

NOTHING = {
    "no image": lambda d: torch.zeros(0, d, 3, 3),
    "no position": lambda d: torch.zeros(2, d, 0, 3),
    "no token": lambda d: torch.zeros(2, 0, d),
    "nan": lambda d: torch.full((2, d, 3, 3), math.nan),
    "infinite": lambda d: torch.full((2, 5, d), -math.inf),
    "huge": lambda d: torch.full((2, 5, d), 3e38),
}


def some(layer, seed=1):
    return torch.randn(3, layer.in_channels, 4, 5, generator=torch.Generator().manual_seed(seed))


def step(layer, h):
    h = h.clone().requires_grad_()
    latent = layer(h)
    layer.zero_grad()
    total = sum((value.sum() for value in latent.losses.values()), latent.z.sum() * 0)
    total.backward()
    return latent, h.grad


def values(layer):
    return {name: value.clone() for name, value in layer.state_dict().items()}


@pytest.mark.parametrize("nothing", ["no image", "no token", "nan", "infinite"])
def test_zero_losses_and_zero_gradients(config, nothing, deferred):
    torch.manual_seed(0)
    layer = config.build()
    layer.deferred = deferred
    for _ in range(2):
        step(layer, some(layer))
        layer.update()
    before = values(layer)
    latent, gradient = step(layer, NOTHING[nothing](layer.in_channels))
    assert all(not value.any() for value in latent.losses.values())
    if layer.levels or layer.in_channels != layer.dim:
        # Without any bottleneck the output is the input, and so is its gradient.
        assert latent.z.isfinite().all()
        assert not gradient.any()
    assert all(weight.grad is None or not weight.grad.any() for weight in layer.parameters())
    for name, value in latent.stats.items():
        assert value.isfinite().all(), name
    if layer.levels:
        assert not latent.stats["counts"].any()
        assert (latent.stats["perplexity"] == 1).all()
    layer.update()
    after = values(layer)
    assert all(torch.equal(value, after[name]) for name, value in before.items())


@pytest.mark.parametrize("nothing", NOTHING)
def test_the_next_batches_are_as_if_it_had_not_been(typical, nothing):
    results = []
    for first in (True, False):
        torch.manual_seed(0)
        layer = typical.build()
        if first:
            kept = torch.random.get_rng_state()
            step(layer, NOTHING[nothing](layer.in_channels))
            torch.random.set_rng_state(kept)
        results.append(([step(layer, some(layer, seed)) for seed in range(3)], values(layer)))
    for (a, to_a), (b, to_b) in zip(results[0][0], results[1][0], strict=True):
        assert torch.equal(a.z, b.z)
        assert torch.equal(to_a, to_b)
        assert all(torch.equal(value, b.losses[name]) for name, value in a.losses.items())
    assert all(torch.equal(value, results[1][1][name]) for name, value in results[0][1].items())


def test_in_evaluation(config):
    layer = config.build().eval()
    for nothing in ("no image", "no position", "no token"):
        latent, _ = step(layer, NOTHING[nothing](layer.in_channels))
        assert all(not value.any() for value in latent.losses.values())
        assert all(value.isfinite().all() for value in latent.stats.values())
        assert latent.z.numel() == 0
    with pytest.raises(UserError, match="NaN or infinite"):
        layer(NOTHING["nan"](layer.in_channels))


def test_tokens_that_are_not_finite_count_for_nothing(config):
    """Losses and gradients of the others are those that they have alone."""
    torch.manual_seed(0)
    layer = config.build()
    if getattr(config, "level_dropout", 0):
        layer = type(layer)(config.model_copy(update={"level_dropout": 0.0}))
    layer.deferred = True
    step(layer, some(layer))
    layer.update()
    clean = some(layer).flatten(2).transpose(1, 2)
    dirty = torch.cat([clean[:, :4], torch.full((3, 2, layer.in_channels), math.nan), clean[:, 4:]], 1)
    torch.manual_seed(1)
    alone, to_alone = step(layer, clean)
    own = [weight.grad for weight in layer.parameters()]
    torch.manual_seed(1)
    among, to_among = step(layer, dirty)
    for name, value in alone.losses.items():
        torch.testing.assert_close(among.losses[name], value)
    torch.testing.assert_close(torch.cat([to_among[:, :4], to_among[:, 6:]], 1), to_alone)
    assert not to_among[:, 4:6].any() or not alone.losses
    for weight, gradient in zip(layer.parameters(), own, strict=True):
        if gradient is not None:
            torch.testing.assert_close(weight.grad, gradient)


@pytest.mark.parametrize("level_dropout", [0.5, 1.0])
def test_level_dropout_with_tokens_that_are_not_finite(level_dropout):
    torch.manual_seed(0)
    layer = RQ(dim=4, codes=8, levels=3, level_dropout=level_dropout, codebook="gradient", search_dim=3)
    h = torch.randn(4, 10, 4)
    h[1] = math.nan
    latent, gradient = step(layer, h)
    assert all(value.isfinite() for value in latent.losses.values())
    assert gradient.isfinite().all()
    assert not gradient[1].any()
    assert all(weight.grad is None or weight.grad.isfinite().all() for weight in layer.parameters())


def test_the_start_waits_for_a_token():
    layer = VQ(dim=3, codes=8)
    layer(torch.full((1, 9, 3), math.nan))
    layer(torch.zeros(0, 9, 3))
    assert layer.wants_start
    layer(torch.randn(1, 90, 3))
    assert not layer.wants_start


def test_the_mask_is_none_where_all_is_well():
    assert finite_tokens(torch.ones(3, 2))[1] is None
    mean, usable = finite_tokens(torch.zeros(0, 2))
    assert mean == 0
    assert usable.shape == (0,)
