"""What is left of a bottleneck when training is over: a pure function that gives what `forward` gives, and can be exported."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from tilework.bottlenecks import RQ, VQ
from tilework.bottlenecks.codebook import search
from tilework.errors import UserError


class Encode(nn.Module):
    def __init__(self, bottleneck):
        super().__init__()
        self.bottleneck = bottleneck

    def forward(self, h):
        return self.bottleneck.infer(h)


class Decode(nn.Module):
    def __init__(self, bottleneck):
        super().__init__()
        self.bottleneck = bottleneck

    def forward(self, codes):
        return self.bottleneck.lookup(codes)


def trained(config):
    torch.manual_seed(0)
    bottleneck = config.build()
    for _ in range(4):
        bottleneck(torch.randn(6, bottleneck.in_channels, 4, 5))
    return bottleneck.eval()


def exported(module, example):
    """For batches of any size."""
    shapes = ({0: torch.export.Dim("batch")},)
    return torch.export.export(module, (example,), dynamic_shapes=shapes, strict=False).module()


def same_codes(one, other):
    return (one is None and other is None) or torch.equal(one, other)


def test_inference_is_the_evaluated_forward_pass(config):
    bottleneck = trained(config)
    before = {key: value.clone() for key, value in bottleneck.state_dict().items()}
    random = torch.get_rng_state()
    for h in (
        torch.randn(3, bottleneck.in_channels, 4, 5),
        torch.randn(3, 20, bottleneck.in_channels),
        torch.zeros(0, bottleneck.in_channels, 2, 2),
        torch.full((1, bottleneck.in_channels, 1, 1), 1e30),  # finite, and its square is not
    ):
        torch.set_rng_state(random)
        latent = bottleneck(h)
        codes, z = bottleneck.infer(h)
        assert same_codes(codes, latent.codes)
        assert torch.equal(z, latent.z)
        assert codes is None or torch.equal(bottleneck.lookup(codes), z)
        bottleneck.train()
        assert torch.equal(bottleneck.infer(h)[1], z)  # also in training mode
        bottleneck.eval()
        assert torch.equal(torch.get_rng_state(), random)
    after = bottleneck.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items())


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_inference_refuses_no_value(config, bad):
    bottleneck = trained(config)
    h = torch.randn(2, bottleneck.in_channels, 3, 3)
    clean, _ = bottleneck.infer(h)
    h[1, 0, 2, 2] = bad
    codes, z = bottleneck.infer(h)
    assert z.shape == (2, bottleneck.dim, 3, 3)
    if codes is not None:
        assert 0 <= int(codes.min()) <= int(codes.max()) < bottleneck.codes_per_level
        assert (codes != clean).any(1).sum() <= 1, "one token spoilt others"
        assert z.isfinite().all()


def test_every_example_can_be_exported(typical):
    bottleneck = trained(typical)
    encode = exported(Encode(bottleneck), torch.randn(2, bottleneck.in_channels, 4, 5))
    decode = None
    for batch in (1, 2, 9):
        h = torch.randn(batch, bottleneck.in_channels, 4, 5)
        latent = bottleneck(h)
        codes, z = encode(h)
        assert same_codes(codes, latent.codes)
        torch.testing.assert_close(z, latent.z, rtol=0, atol=1e-6)
        if codes is not None:
            decode = decode or exported(Decode(bottleneck), torch.zeros_like(codes).expand(2, -1, -1, -1).contiguous())
            torch.testing.assert_close(decode(codes), latent.z, rtol=0, atol=1e-6)


def test_an_exported_graph_asks_for_no_gradient_and_no_autograd_of_ours(typical):
    bottleneck = trained(typical)
    program = torch.export.export(Encode(bottleneck), (torch.randn(2, bottleneck.in_channels, 2, 2),), strict=False)
    called = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert called
    assert all(name.startswith(("aten.", "<built-in")) for name in called), called


def test_an_exported_search_in_blocks_of_codes_is_the_search(monkeypatch):
    monkeypatch.setattr(search, "_EXPORTED_CODES", 7)
    torch.manual_seed(0)
    vq = VQ(dim=4, codes=30, start="random").eval()
    with torch.no_grad():
        vq.book.codes[0, 20] = vq.book.codes[0, 3]  # equal codes of two blocks: the first is taken
    h = torch.cat([torch.randn(50, 4, 1, 1), vq.book.codes[0, :, :, None, None]])
    codes, _ = exported(Encode(vq), h[:2])(h)
    assert torch.equal(codes, vq(h).codes)
    assert int(codes[50 + 20]) == 3


def test_fewer_levels_give_the_coarser_value():
    torch.manual_seed(0)
    rq = RQ(dim=4, codes=8, levels=3, start="random").eval()
    codes, z = rq.infer(torch.randn(5, 4, 2, 2))
    assert torch.equal(rq.decode(codes[:, :1]), rq.lookup(codes[:, :1]))
    assert not torch.equal(rq.lookup(codes[:, :2]), z)
    with pytest.raises(UserError):
        rq.decode(codes + 8)
