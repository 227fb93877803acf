"""Self-attention over a feature map, against NumPy, and where a ladder puts it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tilework.explain.reach import Beyond, Reach
from tilework.explain.trace import traced
from tilework.nets.attention import SelfAttention
from tilework.nets.decoders.ladder import Config as Decoder
from tilework.nets.encoders.ladder import Config as Encoder
from tilework.spec import Size


def by_numpy(layer: SelfAttention, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The formula, position by position."""

    def rms(values: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = values / np.sqrt((values**2).mean(-1, keepdims=True) + np.finfo(np.float64).eps)
        return found

    batch, width, height, across = x.shape
    qkv, out = (one.weight.detach().numpy() for one in (layer.qkv, layer.out))
    found, d = x.copy(), width // layer.heads
    for b in range(batch):
        flat = x[b].reshape(width, -1).T
        q, k, v = ((rms(flat) * layer.norm.weight.detach().numpy()) @ qkv.T).reshape(-1, 3, width).transpose(1, 0, 2)
        mixed = np.zeros_like(flat)
        for head in range(layer.heads):
            part = slice(head * d, (head + 1) * d)
            logits = rms(q[:, part]) @ rms(k[:, part]).T / np.sqrt(d)
            shares = np.exp(logits - logits.max(1, keepdims=True))
            mixed[:, part] = shares / shares.sum(1, keepdims=True) @ v[:, part]
        found[b] += (mixed @ out.T).T.reshape(width, height, across)
    return found


@pytest.mark.parametrize(("width", "heads"), [(64, 2), (48, 1), (96, 3), (8, 1), (100, 2)])
def test_it_is_the_formula(width: int, heads: int) -> None:
    torch.manual_seed(width)
    layer = SelfAttention(width).double()
    assert layer.heads == heads
    torch.nn.init.normal_(layer.out.weight)
    torch.nn.init.normal_(layer.norm.weight)
    x = torch.randn(2, width, 3, 5, dtype=torch.float64)
    np.testing.assert_allclose(layer(x).detach(), by_numpy(layer, x.numpy()), rtol=1e-9, atol=1e-9)


def test_it_starts_as_the_identity_and_learns() -> None:
    layer, x = SelfAttention(32), torch.randn(2, 32, 4, 4)
    torch.testing.assert_close(layer(x), x)
    layer(x).square().sum().backward()
    assert layer.out.weight.grad is not None
    assert layer.out.weight.grad.abs().max() > 0


def names(net: Any) -> list[str]:
    return [name for name, _ in net.named_children()]


@pytest.mark.parametrize(
    ("tail_blocks", "attention", "expected"),
    [
        (2, 1, ["tail_block1", "attention1", "tail_block2"]),
        (2, 2, ["tail_block1", "attention1", "tail_block2", "attention2"]),
        (0, 1, ["attention1"]),
        (1, 0, ["tail_block1"]),
    ],
)
@pytest.mark.parametrize("block", ["residual", "plain"])
def test_where_it_stands(tail_blocks: int, attention: int, expected: list[str], block: Any) -> None:
    ladder = Encoder(widths=(8, 16), tail_blocks=tail_blocks, attention=attention, block=block)
    nets = ladder.build(Size(32, 32), 3, 4), Decoder().build(Size(32, 32), 3, 4, ladder)
    for net in nets:
        assert [name for name in names(net) if "attention" in name or "tail" in name if "act" not in name] == expected
    assert nets[1](nets[0](torch.rand(2, 3, 32, 32))).shape == (2, 3, 32, 32)


@pytest.mark.parametrize("attention", [0, 1])
def test_with_it_a_token_sees_the_whole_image(attention: int) -> None:
    net = Encoder(widths=(8, 16), tail_blocks=1, attention=attention).build(Size(32, 32), 3, 4)
    reach = traced(net, (3, 32, 32), sees=True)[-1].reach
    assert (reach is Beyond.WHOLE) if attention else isinstance(reach, Reach)
