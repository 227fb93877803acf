"""What a position sees and paints, counted from kernels and strides, against the gradient of real networks."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tilework.explain.reach import Beyond, Follow, Found, Reach
from tilework.explain.trace import traced
from tilework.nets.decoders.ladder import Config as Decoder
from tilework.nets.encoders.ladder import Config as Encoder
from tilework.spec import Size

SIZE = Size(88, 72)
LADDERS = [
    {"widths": (3,), "kernel": 3},
    {"widths": (3, 4), "kernel": 4},
    {"widths": (2, 3), "kernel": 3, "middle": 1, "projection": 3},
    {"widths": (2, 3), "kernel": 4, "middle": 1, "tail_blocks": 2, "residual_width": 2},
    {"widths": (2, 2, 3), "kernel": 4, "blocks": 1, "norm": "batch"},
    {"widths": (2, 2), "kernel": 4, "blocks": 1, "block": "plain", "projection": 3},
]


def positive(network: nn.Module) -> nn.Module:
    """Weights with which nothing cancels and no activation is dead: every path that is there has a gradient."""
    with torch.no_grad():
        for name, value in network.named_parameters():
            value.copy_(torch.rand_like(value) * 0.5 + 0.5 if name.endswith("weight") else torch.zeros_like(value))
    return network.double().eval()


def span_of(touched: Tensor) -> tuple[int, int]:
    """First and last index at which anything is not 0."""
    where = touched.nonzero()[:, 0]
    return int(where[0]), int(where[-1])


def seen_by_gradient(network: nn.Module, channels: int, at: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Rows and columns of the image that a position really depends on."""
    x = torch.ones(1, channels, SIZE.height, SIZE.width, dtype=torch.float64, requires_grad=True)
    network(x)[0, :, at[0], at[1]].sum().backward()
    assert x.grad is not None
    touched = x.grad[0].abs().sum(0)
    return span_of(touched.sum(1)), span_of(touched.sum(0))


def clipped(reach: Found | None, at: tuple[int, int], size: Size) -> tuple[tuple[int, int], tuple[int, int]]:
    assert isinstance(reach, Reach)
    found = []
    for span, position, most in ((reach.rows, at[0], size.height), (reach.columns, at[1], size.width)):
        first, last = position * span.pitch + span.first, position * span.pitch + span.last
        found.append((max(0, first), min(most - 1, last)))
    return found[0], found[1]


@pytest.mark.parametrize("settings", LADDERS, ids=str)
def test_what_a_position_sees(settings: dict[str, object]) -> None:
    config = Encoder(**settings)  # type: ignore[arg-type]
    network = positive(config.build(SIZE, 2, 5))
    calls = traced(network, (2, SIZE.height, SIZE.width), sees=True)
    height, width = calls[-1].shape[1:]
    for at in ((height // 2, width // 2), (0, 1), (height - 1, width - 1)):
        assert clipped(calls[-1].reach, at, SIZE) == seen_by_gradient(network, 2, at)


@pytest.mark.parametrize("settings", LADDERS, ids=str)
@pytest.mark.parametrize("upsample", ["transposed", "resize"])
def test_what_a_position_paints(settings: dict[str, object], upsample: str) -> None:
    encoder = Encoder(**settings)  # type: ignore[arg-type]
    # The size halves exactly, or a resize to the nearest would not be by a whole factor.
    size = Size(32, 48)
    grid = encoder.grid(size)
    network = positive(Decoder(output="linear", upsample=upsample).build(size, 2, 5, encoder))
    found = traced(network, (5, grid.height, grid.width), sees=False)[-1].reach
    for at in ((grid.height // 2, grid.width // 2), (0, grid.width - 1)):
        z = torch.ones(1, 5, grid.height, grid.width, dtype=torch.float64)
        before = network(z)
        z[0, :, at[0], at[1]] += 1
        touched = (network(z) - before)[0].abs().sum(0)
        assert clipped(found, at, size) == (span_of(touched.sum(1)), span_of(touched.sum(0)))


def test_a_dense_layer_sees_everything() -> None:
    encoder = Encoder(widths=(4, 4), dense=(8,))
    assert traced(encoder.build(Size(16, 16), 1, 3), (1, 16, 16), sees=True)[-1].reach is Beyond.WHOLE
    decoder = Decoder().build(Size(16, 16), 1, 3, encoder)
    assert traced(decoder, (3, 1, 1), sees=False)[-1].reach is Beyond.WHOLE


def test_a_group_norm_looks_at_the_whole_map_too() -> None:
    found = traced(Encoder(widths=(4, 4), norm="group").build(SIZE, 1, 3), (1, SIZE.height, SIZE.width), sees=True)
    assert isinstance(found[-1].reach, Reach)
    assert found[-1].reach.statistics
    plain = traced(Encoder(widths=(4, 4), norm="batch").build(SIZE, 1, 3), (1, SIZE.height, SIZE.width), sees=True)
    assert isinstance(plain[-1].reach, Reach)
    assert not plain[-1].reach.statistics
    assert plain[-1].reach.rows == found[-1].reach.rows


class Odd(nn.Module):
    """Other operations than the ladder's."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what
        self.conv = nn.Conv2d(1, 1, 3, padding=2, dilation=2)

    def forward(self, x: Tensor) -> Tensor:
        match self.what:
            case "pool":
                return nn.functional.max_pool2d(self.conv(x), 2)
            case "both":
                return torch.cat([x, torch.nn.functional.silu(self.conv(x))], 1)
            case "mean":
                return self.conv(x) * x.mean((2, 3), keepdim=True)
            case "attention":
                tokens = self.conv(x).flatten(2).transpose(1, 2)
                return nn.functional.scaled_dot_product_attention(tokens, tokens, tokens)
        return x.flip(2)  # nothing that is followed


@pytest.mark.parametrize(
    ("what", "rows"),
    [
        ("pool", (2, -2, 3)),
        ("both", (1, -2, 2)),
        ("mean", Beyond.WHOLE),
        ("attention", Beyond.WHOLE),
        ("flip", Beyond.UNKNOWN),
    ],
)
def test_other_operations(what: str, rows: tuple[int, int, int] | Beyond) -> None:
    x = torch.zeros(1, 1, 16, 16)
    network = Odd(what)
    with torch.no_grad(), Follow(x, sees=True) as follow:
        out = network(x)
    found = follow.of(out)
    if isinstance(rows, Beyond):
        assert found is rows
    else:
        assert isinstance(found, Reach)
        assert (found.rows.pitch, found.rows.first, found.rows.last) == rows


def test_an_encoder_of_any_kind_has_stages() -> None:
    """Without children of its own, or with a child that is called twice."""
    (one,) = traced(nn.Conv2d(1, 4, 5, padding=2), (1, 8, 8), sees=True)
    assert one.shape == (4, 8, 8)
    assert one.multiply_adds == 25 * 4 * 64

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return self.conv(self.conv(x))

    calls = traced(Twice(), (1, 8, 8), sees=True)
    assert [call.name for call in calls] == ["conv", "conv"]
    assert [call.parameters for call in calls] == [10, 0], "counted once"
    assert [call.multiply_adds for call in calls] == [9 * 64, 9 * 64]


def test_an_image_too_large_for_the_memory() -> None:
    (one,) = traced(nn.Conv2d(3, 64, 4, stride=2, padding=1), (3, 8192, 8192), sees=True)
    assert one.shape == (64, 4096, 4096)
    assert one.multiply_adds == 16 * 3 * 64 * 4096**2
