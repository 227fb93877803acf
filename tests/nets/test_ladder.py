"""The ladder against closed forms and against what its settings claim: shapes, order of layers, faults on purpose."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tilework.engine.autoencoder.model import build_model
from tilework.errors import UserError
from tilework.nets.blocks.residual import Residual
from tilework.nets.decoders.ladder import Config as Decoder
from tilework.nets.encoders.ladder import Config as Encoder
from tilework.nets.layers import ToImage, halved, upsample
from tilework.spec import DECODERS, ENCODERS, Size, load_spec


@pytest.fixture(autouse=True)
def _same_weights_each_time() -> None:
    torch.manual_seed(0)


SIZES = [Size(28, 28), Size(64, 36), Size(64, 64), Size(33, 47), Size(19, 16)]


def pair(size: Size, dim: int = 6, channels: int = 3, decoder: Decoder | None = None, **encoder: object):
    """An encoder and the decoder that undoes it."""
    settings = Encoder.model_validate({"widths": [4, 8], **encoder})
    decoder = decoder or Decoder()
    return settings.build(size, channels, dim), decoder.build(size, channels, dim, settings), settings


def images(size: Size, channels: int = 3, batch: int = 2) -> torch.Tensor:
    return torch.rand(batch, channels, size.height, size.width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("size", "kernel", "how"), list(product(SIZES, [3, 4], ["transposed", "resize"])), ids=lambda v: str(v)
)
def test_the_decoder_gives_back_exactly_the_size(size: Size, kernel: int, how: str) -> None:
    encoder, decoder, config = pair(size, kernel=kernel, widths=[4, 6, 8], decoder=Decoder(upsample=how))
    z = encoder(images(size))
    grid = config.grid(size)
    assert z.shape == (2, 6, grid.height, grid.width)
    assert decoder(z).shape == (2, 3, size.height, size.width)


@given(
    width=st.integers(8, 70),
    height=st.integers(8, 70),
    kernel=st.sampled_from([3, 4]),
    how=st.sampled_from(["transposed", "resize"]),
    vector=st.booleans(),
    channels=st.sampled_from([1, 3]),
)
@settings(max_examples=60, deadline=None)
def test_any_size_comes_back(width: int, height: int, kernel: int, how: str, vector: bool, channels: int) -> None:
    size = Size(width, height)
    dense = [5] if vector else None
    encoder, decoder, config = pair(
        size, channels=channels, kernel=kernel, dense=dense, widths=[2, 3], decoder=Decoder(upsample=how)
    )
    z = encoder(images(size, channels, 1))
    assert (z.shape[3], z.shape[2]) == config.grid(size)
    assert decoder(z).shape == (1, channels, height, width)


@given(side=st.integers(2, 4096), kernel=st.sampled_from([3, 4]))
@settings(max_examples=200, deadline=None)
def test_halving_is_half_rounded_up_or_down_and_sees_every_pixel(side: int, kernel: int) -> None:
    out = halved(side, kernel)
    assert out == ((side + 1) // 2 if kernel == 3 else side // 2)
    # The window of the last output position begins at 2 (out - 1) - 1 and is `kernel` long: it must reach the last pixel.
    assert 2 * (out - 1) - 1 + kernel >= side


@pytest.mark.parametrize("kernel", [3, 4])
@pytest.mark.parametrize("side", [8, 9])
def test_every_pixel_reaches_the_latent_and_every_output_is_reached(side: int, kernel: int) -> None:
    size = Size(side, side + 1)
    encoder, decoder, _ = pair(size, kernel=kernel)
    # With positive weights no contribution cancels and no ReLU is dead: what has no effect is what no window covers.
    for p in [*encoder.parameters(), *decoder.parameters()]:
        nn.init.constant_(p, 0.01)
    x = images(size).requires_grad_()
    z = encoder(x)
    z.sum().backward()
    assert x.grad is not None
    assert (x.grad > 0).all()
    with torch.no_grad():
        assert (decoder(z + 1.0) > decoder(z)).all()


def test_grids_of_the_reference_sizes() -> None:
    """Sizes worked out by hand: 36 halves to 18 and 9, 28 to 14, 7 and (kernel 3) 4."""
    two, three = Encoder(widths=(8, 8)), Encoder(widths=(8, 8, 8))
    assert two.grid(Size(64, 36)) == Size(16, 9)
    assert three.grid(Size(128, 72)) == Size(16, 9)
    assert two.grid(Size(128, 72)) == Size(32, 18)
    assert Encoder(widths=(8, 8, 8), kernel=3).grid(Size(28, 28)) == Size(4, 4)
    assert Encoder(widths=(8, 8, 8), kernel=4).grid(Size(28, 28)) == Size(3, 3)
    assert Encoder(widths=(8, 8), kernel=3, dense=(128,)).grid(Size(28, 28)) == Size(1, 1)


@pytest.mark.parametrize("kernel", [3, 4])
@pytest.mark.parametrize("size", [Size(28, 28), Size(31, 256), Size(640, 16)])
def test_too_many_stages_are_refused_with_both_fields_and_one_fix(kernel: int, size: Size) -> None:
    config = Encoder(widths=(8, 8, 8, 8), kernel=kernel)
    for ask in (
        lambda: config.grid(size),
        lambda: config.build(size, 1, 4),
        lambda: Decoder().build(size, 1, 4, config),
    ):
        with pytest.raises(UserError) as refused:
            ask()
        assert f"data.size is {size}" in refused.value.what
        assert "encoder.widths has 4" in refused.value.what
        assert "at most 3 entries" in refused.value.fix
    Encoder(widths=(8, 8, 8), kernel=kernel).grid(size)  # the fix works


def test_an_image_too_small_for_any_stage_is_refused_with_the_smallest_size() -> None:
    with pytest.raises(UserError, match="at least 2 positions") as refused:
        Encoder(widths=(8,)).grid(Size(3, 3))
    assert refused.value.fix == "use data.size=4x4 or larger"
    assert Encoder(widths=(8,)).grid(Size(4, 4)) == Size(2, 2)


def test_widths_that_cannot_meet_the_latent_are_refused() -> None:
    config = Encoder(widths=(8, 16), projection="none")
    with pytest.raises(UserError, match=r"ends in 16, but the bottleneck takes 12") as refused:
        config.build(Size(16, 16), 3, 12)
    assert refused.value.fix == "set encoder.projection=1"
    with pytest.raises(UserError, match=r"12 channels, but decoder.widths ends in 16"):
        Decoder().build(Size(16, 16), 3, 12, config)
    assert config.build(Size(16, 16), 3, 16)(images(Size(16, 16))).shape == (2, 16, 4, 4)


def test_a_decoder_that_does_not_fit_its_encoder_is_refused() -> None:
    grid = Encoder(widths=(8, 16))
    with pytest.raises(UserError, match=r"decoder.widths has 1 entries, but encoder.widths has 2"):
        Decoder(widths=(8,)).build(Size(16, 16), 3, 12, grid)
    with pytest.raises(UserError, match=r"decoder.dense is given, but encoder.dense is not"):
        Decoder(dense=(8,)).build(Size(16, 16), 3, 12, grid)


def test_a_decoder_refuses_an_encoder_that_it_cannot_mirror() -> None:
    class Other(Encoder.__mro__[1]):  # type: ignore[misc, name-defined]
        kind: str = "other"

        def grid(self, size: Size) -> Size:
            return size

        def build(self, size: Size, channels: int, out_channels: int) -> nn.Module:
            return nn.Identity()

    with pytest.raises(UserError, match="kind other"):
        Decoder().build(Size(16, 16), 3, 12, Other())


@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"blocks": 2, "residual_width": 3},
        {"blocks": 1, "block": "plain", "middle": 1, "tail_blocks": 2, "projection": 3},
        {"blocks": 1, "tail_blocks": 1, "projection": "none", "norm": "group"},
        {"norm": "batch", "norm_at": "last", "norm_order": "after"},
        {"norm": "batch", "dense": []},
        {"norm": "group", "dense": [7, 5], "activation": "silu"},
    ],
    ids=str,
)
@pytest.mark.parametrize("how", ["transposed", "resize"])
def test_gradients_reach_every_parameter(extra: dict[str, object], how: str) -> None:
    size = Size(18, 12)
    dim = 8
    encoder, decoder, _ = pair(size, dim=dim, decoder=Decoder(upsample=how), **extra)
    x = images(size, batch=4)
    loss = (decoder(encoder(x)) - x).square().mean()
    loss.backward()
    for name, p in [*encoder.named_parameters(), *decoder.named_parameters()]:
        assert p.grad is not None, name
        assert torch.isfinite(p.grad).all(), name
        # A bias in front of a norm has no effect on a BatchNorm's output; every other parameter must feel the loss.
        if not (name.endswith("bias") and extra.get("norm") in {"batch", "group"}):
            assert p.grad.abs().sum() > 0, name


def test_a_plain_ladder_computes_what_its_layers_define() -> None:
    """conv, ReLU, BatchNorm, ..., conv 3x3: the same numbers from plain functional calls in that order."""
    size = Size(16, 8)
    encoder, decoder, _ = pair(size, norm="batch", norm_at="last", norm_order="after", projection=3)
    w = dict(encoder.named_parameters())
    f = nn.functional
    x = images(size)
    y = f.relu(f.conv2d(x, w["stage1_conv.weight"], w["stage1_conv.bias"], stride=2, padding=1))
    y = f.relu(f.conv2d(y, w["stage2_conv.weight"], w["stage2_conv.bias"], stride=2, padding=1))
    y = f.batch_norm(y, None, None, w["stage2_conv_norm.weight"], w["stage2_conv_norm.bias"], training=True)
    z = f.conv2d(y, w["project.weight"], w["project.bias"], padding=1)
    torch.testing.assert_close(encoder(x), z)

    w = dict(decoder.named_parameters())
    y = f.relu(f.conv2d(z, w["project.weight"], w["project.bias"], padding=1))
    y = f.batch_norm(y, None, None, w["project_norm.weight"], w["project_norm.bias"], training=True)
    y = f.relu(f.conv_transpose2d(y, w["stage2_up.weight"], w["stage2_up.bias"], stride=2, padding=1))
    y = f.conv_transpose2d(y, w["stage1_up.weight"], w["stage1_up.bias"], stride=2, padding=1)
    torch.testing.assert_close(decoder(z), torch.sigmoid(y))


@pytest.mark.parametrize("order", ["before", "after"])
def test_norm_stands_where_it_is_asked_for(order: str) -> None:
    encoder, decoder, _ = pair(Size(16, 16), norm="batch", norm_order=order)
    for net in (encoder, decoder):
        kinds = [type(layer).__name__ for layer in net]
        norms = [i for i, kind in enumerate(kinds) if kind == "BatchNorm2d"]
        assert len(norms) == 2  # one for each feature map, none for the image or the latent
        step = 1 if order == "before" else -1
        assert all(kinds[i + step] == "ReLU" for i in norms)


def test_no_activation_touches_the_latent_and_every_other_convolution_sees_one() -> None:
    """Whatever the blocks, the quantiser's input takes both signs and no two convolutions follow without a nonlinearity."""
    for extra in ({}, {"blocks": 1}, {"tail_blocks": 2, "middle": 1}, {"blocks": 1, "projection": "none"}):
        encoder, decoder, _ = pair(Size(16, 16), dim=8, **extra)
        assert not isinstance(encoder[-1], nn.ReLU)
        assert (encoder(images(Size(16, 16))) < 0).any()
        for net in (encoder, decoder):
            convolutions = (nn.Conv2d, nn.ConvTranspose2d)
            for before, after in pairwise(net):
                assert not (isinstance(before, (*convolutions, Residual)) and isinstance(after, convolutions)), extra


def test_residual_block_is_the_identity_plus_its_body() -> None:
    block = Residual(6, 3, "relu")
    x = torch.randn(2, 6, 5, 4)
    c1, c2 = block.body.conv1, block.body.conv2
    f = nn.functional
    body = f.conv2d(f.relu(f.conv2d(f.relu(x), c1.weight, c1.bias, padding=1)), c2.weight, c2.bias)
    torch.testing.assert_close(block(x), x + body)
    nn.init.zeros_(c2.weight)
    nn.init.zeros_(c2.bias)
    assert torch.equal(block(x), x)


def test_resize_repeats_each_position_before_its_convolution() -> None:
    up = upsample(2, 2, 4, Size(3, 2), Size(7, 4), "resize")
    x = torch.randn(1, 2, 2, 3)
    rows = np.floor(np.arange(4) * 2 / 4).astype(int)
    columns = np.floor(np.arange(7) * 3 / 7).astype(int)
    assert torch.equal(up.resize(x), x[:, :, rows][:, :, :, columns])
    # A constant stays constant away from the border: no checkerboard can come from this step.
    inside = up(torch.ones(1, 2, 2, 3))[:, :, 1:-1, 1:-1]
    torch.testing.assert_close(inside, inside[:, :, :1, :1].expand_as(inside))


@pytest.mark.parametrize("output", ["sigmoid", "tanh"])
def test_outputs_stay_in_range_and_the_relu_fault_never_goes_below_one_half(output: str) -> None:
    y = torch.linspace(-9, 9, 101).reshape(1, 1, 1, -1)
    sound, faulty = ToImage(output)(y), ToImage(output, final_relu=True)(y)
    assert sound.min() >= 0
    assert sound.max() <= 1
    assert sound.min() < 0.01
    assert sound.max() > 0.99
    assert faulty.min() == 0.5
    torch.testing.assert_close(faulty[y > 0], sound[y > 0])
    exact = y.double().numpy()
    np.testing.assert_allclose(ToImage("tanh")(y), (np.tanh(exact) + 1) / 2, atol=1e-6)
    np.testing.assert_allclose(ToImage("sigmoid")(y), 1 / (1 + np.exp(-exact)), atol=1e-6)
    assert torch.equal(ToImage("linear")(y), y)


def test_the_relu_fault_from_end_to_end() -> None:
    size = Size(16, 16)
    encoder, decoder, _ = pair(size, decoder=Decoder(final_relu=True))
    out = decoder(encoder(images(size)) * 100)
    assert out.min() >= 0.5
    _, sound, _ = pair(size)
    assert sound(encoder(images(size)) * 100).min() < 0.5


def test_pixels_are_float32_under_autocast() -> None:
    size = Size(16, 16)
    encoder, decoder, _ = pair(size)
    with torch.autocast("cpu", torch.bfloat16):
        z = encoder(images(size))
        out = decoder(z)
    assert z.dtype == torch.float32  # see test_precise.py
    assert out.dtype == torch.float32


def test_own_decoder_settings_override_the_mirror() -> None:
    config = Encoder(widths=(4, 8), blocks=1, middle=1)
    size = Size(16, 16)
    plain = Decoder(widths=(5, 7), blocks=0, middle=0, kernel=3, projection=3).build(size, 3, 6, config)
    names = [name for name, _ in plain.named_children()]
    assert names == ["project", "project_act", "stage2_up", "stage2_up_act", "stage1_up", "image"]
    assert plain.project.weight.shape == (7, 6, 3, 3)
    assert plain.stage2_up.weight.shape == (7, 5, 3, 3)
    assert plain(torch.randn(1, 6, 4, 4)).shape == (1, 3, 16, 16)


def test_norm_next_to_the_latent_needs_something_between() -> None:
    with pytest.raises(ValueError, match="norm_at=last needs a projection"):
        Encoder(norm="batch", norm_at="last", projection="none")


def test_channels_last_changes_no_number() -> None:
    size = Size(20, 12)
    encoder, decoder, _ = pair(size, dense=[9], blocks=1)
    x = images(size)
    expected = decoder(encoder(x))
    like = torch.channels_last
    got = decoder.to(memory_format=like)(encoder.to(memory_format=like)(x.to(memory_format=like)))
    torch.testing.assert_close(got, expected)


def test_both_kinds_are_found_by_their_file_names() -> None:
    assert ENCODERS.parse({"kind": "ladder", "widths": [8]}) == Encoder(widths=(8,))
    assert DECODERS.parse("ladder") == Decoder()
    with pytest.raises(UserError, match=r"unknown key encoder.width \(did you mean widths\?\)"):
        ENCODERS.parse({"kind": "ladder", "width": [8]})


def test_every_setting_has_a_description() -> None:
    for config in (Encoder, Decoder):
        for name, field in config.model_fields.items():
            assert field.description or name == "kind", f"{config.__module__}.{name}"


def test_both_nets_are_captured_whole_for_compilation() -> None:
    size = Size(18, 12)
    encoder, decoder, _ = pair(size, blocks=1, norm="batch", decoder=Decoder(upsample="resize"))
    net = nn.Sequential(encoder, decoder)
    x = images(size)
    # The backend changes no arithmetic; `fullgraph` fails on any piece that cannot be traced.
    traced = torch.compile(net.eval(), backend="eager", fullgraph=True)
    torch.testing.assert_close(traced(x), net(x))


@pytest.mark.parametrize(("side", "encoder", "decoder"), [(31, 4, 3), (30, 4, 3), (31, 3, 4)])
def test_kernels_that_halve_in_another_way_are_refused(side: int, encoder: int, decoder: int) -> None:
    """torch would report it in its own words at the first image."""
    overrides = [f"data.size={side}", f"encoder.kernel={encoder}", f"decoder.kernel={decoder}"]
    with pytest.raises(UserError, match=r"decoder\.kernel") as refused:
        build_model(load_spec("rqvae-digits", overrides))
    assert "decoder.kernel" in refused.value.fix


def test_kernels_that_differ_and_fit_are_taken() -> None:
    model = build_model(load_spec("rqvae-digits", ["data.size=32", "encoder.kernel=4", "decoder.kernel=3"]))
    images = torch.zeros(2, 1, 32, 32)
    assert model(images)[0].shape == images.shape
