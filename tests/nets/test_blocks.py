"""Every kind of block that exists keeps its promise to the ladder; the ladder's settings are one list for both sides."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
import torch
from torch import nn

from tilework.nets.decoders.ladder import Config as Decoder
from tilework.nets.encoders.ladder import Config as Encoder
from tilework.nets.settings import Ladder, Mirrored, completed
from tilework.spec import BLOCKS, Size

SIZE = Size(18, 12)
CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def is_block(name: str) -> bool:
    """Not the activation or the norm behind one."""
    return re.fullmatch(r"\w*_block\d+", name) is not None


@pytest.mark.parametrize("kind", BLOCKS.kinds)
@pytest.mark.parametrize("norm", ["none", "batch", "group"])
def test_a_block_keeps_the_shape_and_every_parameter_learns(kind: str, norm: str) -> None:
    torch.manual_seed(0)
    block = BLOCKS.config(kind)(kind=kind).build(8, "relu", norm)
    x = torch.randn(4, 8, 6, 5)
    y = block(x)
    assert y.shape == x.shape
    y.square().mean().backward()
    for name, p in block.named_parameters():
        assert p.grad is not None, name
        if not (name.endswith("bias") and norm != "none"):
            assert p.grad.abs().sum() > 0, name


@pytest.mark.parametrize("kind", BLOCKS.kinds)
def test_no_two_convolutions_of_a_ladder_follow_without_an_activation(kind: str) -> None:
    torch.manual_seed(0)
    own = BLOCKS.config(kind).activates_input
    encoder = Encoder(widths=(4, 8), block=kind, blocks=2, tail_blocks=1, middle=1)
    for net in (encoder.build(SIZE, 3, 6), Decoder().build(SIZE, 3, 6, encoder)):
        for (before, first), (after, second) in pairwise(net.named_children()):
            without = isinstance(first, CONVOLUTIONS) or is_block(before)
            needs_one = not own if is_block(after) else isinstance(second, CONVOLUTIONS)
            assert not (without and needs_one), (before, after)


@pytest.mark.parametrize("kind", BLOCKS.kinds)
def test_a_block_reads_only_settings_that_the_ladder_has(kind: str) -> None:
    assert set(BLOCKS.config(kind).model_fields) - {"kind"} <= set(Ladder.model_fields)
    assert Encoder(block=kind).block == Decoder(block=kind).block == kind


def test_the_kinds_are_what_a_spec_may_name_the_default_first() -> None:
    schema = Encoder.model_json_schema()["properties"]["block"]
    assert schema["enum"] == ["residual", *(k for k in BLOCKS.kinds if k != "residual")]


def test_a_decoder_has_the_ladders_settings_in_their_order_and_null_by_default() -> None:
    assert list(Mirrored.model_fields) == list(Ladder.model_fields)
    assert all(field.default is None for field in Mirrored.model_fields.values())
    assert [name for name in Decoder.model_fields if name in Ladder.model_fields] == list(Ladder.model_fields)
    encoder = Encoder(widths=(5, 7), kernel=3, norm="group", dense=(3,))
    assert completed(Decoder(), encoder) == Ladder(widths=(5, 7), kernel=3, norm="group", dense=(3,))
    assert completed(Decoder(norm="none", dense=()), encoder) == Ladder(widths=(5, 7), kernel=3, dense=())
