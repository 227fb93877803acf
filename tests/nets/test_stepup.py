"""The fast transposed convolution against torch's own in float64: values and all three gradients."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import nn

from tilework.nets.stepup import StepUp

PADDINGS = {3: [(1, 1), (0, 1), (1, 0), (0, 0)], 4: [(0, 1), (1, 0), (0, 0)]}
CASES = [
    (kernel, outputs, side, padding)
    for kernel, outputs, side in product([3, 4], [1, 3, 4, 5], [(7, 7), (2, 3), (9, 16)])
    for padding in PADDINGS[kernel]
]


def twins(kernel: int, outputs: int, padding: tuple[int, int]) -> tuple[StepUp, nn.ConvTranspose2d]:
    torch.manual_seed(kernel * 10 + outputs)
    ours = StepUp(6, outputs, kernel, stride=2, padding=1, output_padding=padding)
    theirs = nn.ConvTranspose2d(6, outputs, kernel, stride=2, padding=1, output_padding=padding).double()
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


@pytest.mark.parametrize(("kernel", "outputs", "side", "padding"), CASES, ids=lambda v: str(v))
def test_equals_torch_in_value_and_gradients(kernel: int, outputs: int, side: tuple[int, int], padding) -> None:
    ours, theirs = twins(kernel, outputs, padding)
    x = torch.randn(3, 6, *side, requires_grad=True)
    x64 = x.detach().double().requires_grad_()
    y, y64 = ours(x), theirs(x64)
    assert y.shape == y64.shape
    torch.testing.assert_close(y.double(), y64, rtol=1e-5, atol=1e-5)
    g = torch.randn(y.shape)
    y.backward(g)
    y64.backward(g.double())
    pairs = [(x.grad, x64.grad), (ours.weight.grad, theirs.weight.grad), (ours.bias.grad, theirs.bias.grad)]
    for found, wanted in pairs:
        torch.testing.assert_close(found.double(), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("kernel", "outputs", "side", "padding"), CASES, ids=lambda v: str(v))
def test_without_gradients_the_same_bits_come_out(kernel: int, outputs: int, side: tuple[int, int], padding) -> None:
    ours, _ = twins(kernel, outputs, padding)
    x = torch.randn(3, 6, *side)
    wanted = ours(x)
    assert wanted.requires_grad
    with torch.no_grad():
        assert torch.equal(ours(x), wanted)
    with torch.autocast("cpu", torch.bfloat16):
        wanted = ours(x)
        with torch.inference_mode():
            assert torch.equal(ours(x), wanted)


@pytest.mark.parametrize("kernel", [3, 4])
def test_channels_last_and_autocast(kernel: int) -> None:
    ours, theirs = twins(kernel, 3, (4 - kernel, 4 - kernel))
    x = torch.randn(2, 6, 8, 8).to(memory_format=torch.channels_last)
    torch.testing.assert_close(ours(x).double(), theirs(x.double()), rtol=1e-5, atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        y = ours(x)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.double(), theirs(x.double()), rtol=0.05, atol=0.05)
    y.float().sum().backward()
    assert ours.weight.grad.dtype == torch.float32


def test_frozen_parts_get_no_gradient() -> None:
    ours, _ = twins(4, 3, (0, 0))
    ours.weight.requires_grad_(False)
    ours(torch.randn(1, 6, 4, 4)).sum().backward()
    assert ours.weight.grad is None
    assert ours.bias.grad is not None


def test_saves_and_loads_as_the_layer_that_it_stands_for() -> None:
    ours, theirs = twins(3, 3, (1, 1))
    assert list(ours.state_dict()) == list(theirs.state_dict())
