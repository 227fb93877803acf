"""Layers that are made without memory (torch's meta device) and get their values afterwards."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
from torch import nn

from tilework.bottlenecks import FSQ, LFQ, VQ


def some(layer, seed=1):
    return torch.randn(3, layer.in_channels, 4, 5, generator=torch.Generator().manual_seed(seed))


def on_meta(config):
    with torch.device("meta"):
        layer = config.build()
    assert all(tensor.is_meta for tensor in [*layer.parameters(), *layer.buffers()])
    return layer


def spoilt(layer):
    """Memory without values, made sure of: what was there before could be right by chance."""
    layer.to_empty(device="cpu")
    constants = set(layer.constants())
    with torch.no_grad():
        for name, tensor in [*layer.named_parameters(), *layer.named_buffers()]:
            if name not in constants:
                tensor.fill_(float("nan") if tensor.is_floating_point() else 1)
    return layer


def trained(config, steps=3):
    torch.manual_seed(0)
    layer = config.build()
    for step in range(steps):
        layer(some(layer, step))
    return layer


def assert_goes_on_alike(one, two):
    """Evaluated and trained alike, bit for bit."""
    for mode in (False, True):
        results = []
        for layer in (one, two):
            layer.train(mode)
            torch.manual_seed(5)
            x = some(layer).requires_grad_()
            latent = layer(x)
            (latent.z.square().sum() + sum(value.sum() for value in latent.losses.values())).backward()
            results.append((latent.z, x.grad, *latent.losses.values()))
        assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))
    if one.levels:
        codes = one.eval()(some(one)).codes
        assert torch.equal(one.decode(codes), two.eval().decode(codes))
    a, b = one.state_dict(), two.state_dict()
    assert a.keys() == b.keys()
    assert all(torch.equal(value, b[name]) for name, value in a.items())


@pytest.mark.parametrize("assign", [False, True])
def test_it_gets_its_values_by_a_state_dict(config, assign):
    layer = trained(config)
    saved = io.BytesIO()
    torch.save(layer.state_dict(), saved)
    saved.seek(0)
    other = on_meta(config)
    other = other if assign else spoilt(other)
    other.load_state_dict(torch.load(saved), assign=assign)
    assert_goes_on_alike(layer, other)


def test_it_begins_anew_as_the_constructor_does(typical):
    torch.manual_seed(3)
    right = typical.build()
    for other in (spoilt(on_meta(typical)), trained(typical), spoilt(trained(typical))):
        torch.manual_seed(3)
        other.reset_parameters()
        assert_goes_on_alike(copy.deepcopy(right), other)


def test_every_module_begins_anew_by_itself(config):
    """What wrappers do that give each module its memory: to_empty without recursion, then reset_parameters."""
    model = nn.Sequential(on_meta(config))
    for module in model.modules():
        own = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
        if own:
            module.to_empty(device="cpu", recurse=False)
            module.reset_parameters()
    layer = model[0]
    latent = layer(some(layer))
    assert latent.z.isfinite().all()
    assert all(value.isfinite().all() for value in latent.losses.values())
    assert all(value.isfinite().all() for value in layer.state_dict().values())


def test_a_trained_layer_that_lost_its_values_gets_them_back(config):
    layer = trained(config)
    other = spoilt(copy.deepcopy(layer))
    other.load_state_dict(layer.state_dict())
    assert_goes_on_alike(layer, other)


@pytest.mark.parametrize("how", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_a_copy_of_one_without_memory(config, how):
    layer = trained(config)
    other = how(on_meta(config))
    assert all(tensor.is_meta for tensor in [*other.parameters(), *other.buffers()])
    spoilt(other).load_state_dict(layer.state_dict())
    assert_goes_on_alike(layer, other)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_its_dtype_stays(typical, dtype):
    layer = trained(typical)
    other = on_meta(typical).to(dtype)
    spoilt(other).to(dtype).load_state_dict(layer.state_dict())
    assert_goes_on_alike(layer, other)


def test_memory_from_within_the_meta_device(config):
    layer = trained(config)
    with torch.device("meta"):
        other = spoilt(config.build())
    other.load_state_dict(layer.state_dict())
    assert_goes_on_alike(layer, other)


def test_another_default_dtype_later():
    for layer in (FSQ(levels=(8, 5, 4)), LFQ(dim=4)):
        before = {name: value.clone() for name, value in layer.named_buffers()}
        torch.set_default_dtype(torch.float64)
        try:
            layer.to_empty(device="cpu")
        finally:
            torch.set_default_dtype(torch.float32)
        for name, value in layer.named_buffers():
            assert value.dtype == before[name].dtype
            assert torch.equal(value, before[name])
        assert not layer.state_dict()


def test_constants_that_were_not_made_anew_are_found_out(monkeypatch):
    layer, other = FSQ(levels=(8, 5)), FSQ(levels=(8, 5))
    monkeypatch.setattr(FSQ, "hold_constants", lambda self, device=None: None)
    monkeypatch.setattr(FSQ, "constants", lambda self: {})
    with pytest.raises((AssertionError, RuntimeError)):
        assert_goes_on_alike(layer, spoilt(other))


def test_what_was_collected_is_forgotten():
    layer = VQ(dim=4, codes=8)
    layer.deferred = True
    layer(some(layer))
    layer.reset_parameters()
    assert layer.wants_start
    before = layer.codebook.clone()
    layer.update()
    assert torch.equal(layer.codebook, before)
