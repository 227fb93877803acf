"""Encoders and decoders that are made without memory and get their values afterwards."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from torch import nn

from tilework.nets.decoders.ladder import Config as Decoder
from tilework.nets.encoders.ladder import Config as Encoder
from tilework.nets.stepup import StepUp
from tilework.spec import Size

ENCODERS = {
    "plain": Encoder(widths=(8, 8)),
    "batch": Encoder(widths=(8, 8), norm="batch", blocks=1),
    "group": Encoder(widths=(8, 8), norm="group", blocks=1, block="plain", kernel=3),
    "vector": Encoder(widths=(8, 8), dense=(6,)),
}
DECODERS = {"transposed": Decoder(), "resize": Decoder(upsample="resize", output="tanh")}
SIZE = Size(16, 16)


def built(encoder, decoder):
    return nn.Sequential(encoder.build(SIZE, 3, 4), decoder.build(SIZE, 3, 4, encoder))


def without_memory(encoder, decoder):
    with torch.device("meta"):
        net = built(encoder, decoder)
    assert all(tensor.is_meta for tensor in net.state_dict().values())
    return net


def spoilt(net):
    net.to_empty(device="cpu")
    with torch.no_grad():
        for tensor in [*net.parameters(), *net.buffers()]:
            tensor.fill_(float("nan") if tensor.is_floating_point() else 1)
    return net


def assert_alike(one, two):
    x = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    for mode in (True, False):
        a, b = one.train(mode)(x), two.train(mode)(x)
        assert a.isfinite().all()
        assert torch.equal(a, b)


@pytest.mark.parametrize("decoder", DECODERS.values(), ids=DECODERS)
@pytest.mark.parametrize("encoder", ENCODERS.values(), ids=ENCODERS)
def test_values_by_a_state_dict_or_anew(encoder, decoder):
    torch.manual_seed(0)
    right = built(encoder, decoder)
    for way in (lambda net: net, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))):
        net = spoilt(way(without_memory(encoder, decoder)))
        net.load_state_dict(right.state_dict())
        assert_alike(copy.deepcopy(right), net)
    net = without_memory(encoder, decoder)
    net.load_state_dict(right.state_dict(), assign=True)
    assert_alike(copy.deepcopy(right), copy.deepcopy(net))
    net = spoilt(without_memory(encoder, decoder))
    torch.manual_seed(0)
    for module in net.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    assert_alike(right, net)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision(dtype):
    net = spoilt(without_memory(ENCODERS["batch"], DECODERS["transposed"]).to(dtype))
    right = built(ENCODERS["batch"], DECODERS["transposed"]).to(dtype)
    net.load_state_dict(right.state_dict())
    x = torch.rand(2, 3, 16, 16).to(dtype)
    assert torch.equal(net.eval()(x), right.eval()(x))
    assert net(x).dtype == torch.float32


def test_a_step_up_without_initialisation():
    up = torch.nn.utils.skip_init(StepUp, 4, 3, 4, stride=2, padding=1)
    right = StepUp(4, 3, 4, stride=2, padding=1)
    up.load_state_dict(right.state_dict())
    x = torch.randn(2, 4, 5, 5)
    assert torch.equal(up(x), right(x))
