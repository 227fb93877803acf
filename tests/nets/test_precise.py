"""The layer beside the latent computes in float32 under autocast, and changes nothing else."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from tilework.nets.precise import Precise, precise
from tilework.spec import Size
from tilework.spec.plugins import DECODERS, ENCODERS

SIZE = Size(16, 16)
ENDS: dict[str, tuple[dict[str, object], int]] = {
    "projection": ({"widths": [8, 8], "projection": 1}, 4),
    "none": ({"widths": [8, 8], "projection": "none"}, 8),
    "block": ({"widths": [8, 8], "projection": "none", "tail_blocks": 1, "block": "residual"}, 8),
    "dense": ({"widths": [8, 8], "dense": [12]}, 2),
}


def nets(end: str) -> tuple[Precise, Precise, int]:
    torch.manual_seed(0)
    settings, dim = ENDS[end]
    encoder = ENCODERS.config("ladder")(**{"kind": "ladder", **settings})
    decoder = DECODERS.config("ladder")(kind="ladder")
    return encoder.build(SIZE, 1, dim), decoder.build(SIZE, 1, dim, encoder), dim


def on_the_grid(x: Tensor) -> bool:
    return torch.equal(x.float(), x.bfloat16().float())


@pytest.mark.parametrize("end", ENDS)
def test_latents_are_not_on_the_lattice_of_bf16(end: str) -> None:
    encoder, _, _ = nets(end)
    x = torch.rand(32, 1, 16, 16)
    with torch.autocast("cpu", torch.bfloat16):
        latent = encoder(x)
    assert latent.dtype == torch.float32
    assert not on_the_grid(latent)
    # Exactly that layer: all before it follows autocast.
    at = [name for name, _ in encoder.named_children()].index(encoder.beside)
    with torch.autocast("cpu", torch.bfloat16):
        before = nn.Sequential(*encoder[:at])(x)
    assert on_the_grid(before)
    assert torch.equal(latent, nn.Sequential(*encoder[at:])(before.float()))


@pytest.mark.parametrize("end", ENDS)
def test_the_decoder_sees_differences_that_bf16_cannot_hold(end: str) -> None:
    _, decoder, dim = nets(end)
    seen: list[Tensor] = []
    layer = dict(decoder.named_children())[decoder.beside]
    layer.register_forward_hook(lambda *given: seen.append(given[2]))
    h, w = (1, 1) if end == "dense" else (4, 4)
    z = torch.ones(1, dim, h, w)
    with torch.autocast("cpu", torch.bfloat16):
        decoder(z)
        decoder(z + 2**-12)
    assert torch.equal((z + 2**-12).bfloat16(), z.bfloat16())
    assert seen[0].dtype == torch.float32
    assert not torch.equal(seen[0], seen[1])


@pytest.mark.parametrize("end", ENDS)
def test_without_autocast_it_is_a_plain_sequence(end: str) -> None:
    for net, x in zip(nets(end)[:2], (torch.rand(2, 1, 16, 16), None), strict=True):
        plain = nn.Sequential(*net)
        given = x if x is not None else torch.rand(2, ENDS[end][1], *((1, 1) if end == "dense" else (4, 4)))
        assert torch.equal(net(given), plain(given))
        assert torch.equal(copy.deepcopy(net)(given), plain(given))
        assert copy.deepcopy(net).beside == net.beside
        double = copy.deepcopy(net).double()
        assert double(given.double()).dtype in {torch.float64, torch.float32}  # the last step to pixels is float32
        exported = torch.export.export(net.eval(), (given,)).module()
        assert torch.allclose(exported(given), plain(given), atol=1e-6)


def test_gradients_reach_both_sides_under_autocast() -> None:
    encoder, decoder, _ = nets("projection")
    with torch.autocast("cpu", torch.bfloat16):
        recon = decoder(encoder(torch.rand(4, 1, 16, 16)))
    recon.float().square().mean().backward()
    for net in (encoder, decoder):
        for name, weight in net.named_parameters():
            assert weight.grad is not None, name
            assert weight.grad.abs().sum() > 0, name


def test_no_layer_with_weights() -> None:
    net = precise([("act", nn.ReLU()), ("flat", nn.Flatten())], "last")
    assert net.beside == ""
    with torch.autocast("cpu", torch.bfloat16):
        assert net(torch.rand(2, 3)).shape == (2, 3)
