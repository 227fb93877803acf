"""What people do with a layer in models of their own: the loop, the dtype, the batch and the decoder are theirs."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from tilework.bottlenecks import LFQ, VQ, Gaussian, NoBottleneck
from tilework.errors import UserError


def tokens(n=60, seed=0, dim=4):
    return torch.randn(2, n, dim, generator=torch.Generator().manual_seed(seed))


def test_a_loop_that_updates_by_itself_gets_the_start_too():
    layer = VQ(dim=4, codes=32)
    layer.deferred = True
    layer(tokens(500) + 100)
    layer.update()
    assert not layer.wants_start
    assert layer(tokens(500) + 100).stats["counts"].count_nonzero() > 24
    other = VQ(dim=4, codes=32)
    other.load_state_dict(layer.state_dict())
    before = other.codebook.clone()
    other.deferred = True
    other(tokens(500) + 100)
    assert torch.equal(other.codebook, before)


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_codes_that_long_won_nothing_stay_where_they_were(distance):
    layer = VQ(dim=4, codes=8, distance=distance, decay=0.5, revival=None, start="random")
    before = layer.codebook[0].clone()
    one_way = torch.zeros(1, 50, 4)
    one_way[..., 0] = 1.0
    for _ in range(300):
        layer(one_way)
    idle = layer.book.idle[0] >= 300
    assert idle.sum() == 7
    torch.testing.assert_close(layer.codebook[0][idle], before[idle], rtol=0.02, atol=1e-3)


def test_the_decoder_may_begin_in_place(discrete):
    layer = discrete.build()
    h = nn.Conv2d(4, layer.in_channels, 1)(torch.randn(2, 4, 5, 5))
    y = nn.ReLU(inplace=True)(layer(h).z)
    y.sum().backward()


@pytest.mark.parametrize("how", ["half", "bfloat16", "double"])
def test_it_stays_float32_in_a_model_that_does_not(discrete, how):
    layer = discrete.build()
    plain = copy.deepcopy(layer)
    model = getattr(nn.Sequential(nn.Linear(4, layer.in_channels), layer), how)()
    for name, value in layer.state_dict().items():
        assert value.dtype == plain.state_dict()[name].dtype, name
        assert torch.equal(value, plain.state_dict()[name])
    h = model[0](tokens().to(model[0].weight.dtype))
    assert layer(h).z.dtype == torch.float32
    layer.eval()
    assert torch.equal(layer.decode(layer(h).codes), layer(h).z)


def test_another_default_dtype(discrete):
    torch.set_default_dtype(torch.float64)
    try:
        layer = discrete.build()
        x = tokens(dim=layer.in_channels).float().requires_grad_()
        latent = layer(x)
        latent.z.sum().backward()
        assert latent.z.dtype == torch.float32
        layer.eval()
        assert layer.decode(layer(x).codes).dtype == torch.float32
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.skipif(
    not hasattr(torch.backends.cuda.matmul, "fp32_precision"), reason="this torch has only the old setting"
)
def test_precision_that_was_set_library_by_library(discrete):
    layer = discrete.build()
    x = tokens(dim=layer.in_channels)
    layer(x)
    layer.eval()
    plain = layer(x).z
    kept = torch.backends.cuda.matmul.fp32_precision
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    try:
        assert torch.equal(layer(x).z, plain)
        assert torch.backends.cuda.matmul.fp32_precision == "tf32"
    finally:
        torch.backends.cuda.matmul.fp32_precision = kept


def test_a_batch_without_images(discrete):
    layer = discrete.build()
    for mode in (True, False):
        layer.train(mode)
        latent = layer(torch.zeros(0, layer.in_channels, 3, 3))
        assert latent.z.shape == (0, layer.dim, 3, 3)
        assert latent.codes.shape == (0, layer.levels, 3, 3)
        assert all(loss == 0 for loss in latent.losses.values())
    layer.train()
    assert layer(tokens(dim=layer.in_channels)).z.isfinite().all()


def test_codes_are_whole_numbers_of_any_width(discrete):
    layer = discrete.build().eval()
    codes = layer(tokens(dim=layer.in_channels)).codes
    for dtype in (torch.int32, torch.uint8) if layer.codes_per_level <= 256 else (torch.int32,):
        assert torch.equal(layer.decode(codes.to(dtype)), layer.decode(codes))
    for wrong in (codes.float(), codes.bool()):
        with pytest.raises(UserError, match="codes are of type"):
            layer.decode(wrong)


def test_lfq_losses_leave_out_what_is_not_finite():
    layer = LFQ(dim=4, temperature=0.5)
    x = tokens(100)
    bad = torch.cat([x, torch.full((2, 30, 4), torch.nan)], 1)
    for name, value in layer(x).losses.items():
        torch.testing.assert_close(layer(bad).losses[name], value)


def test_simvq_revival_through_an_almost_singular_matrix_plants_no_huge_vectors():
    torch.manual_seed(0)
    layer = VQ(dim=4, codes=8, codebook="simvq", start="random", decay=0.5, revival={"patience": 1, "cooldown": 0})
    with torch.no_grad():
        u, _, v = torch.linalg.svd(torch.randn(4, 4))
        layer.book.mix[0] = u @ torch.diag(torch.tensor([1.0, 1.0, 1.0, 1e-5])) @ v
    for step in range(40):
        layer(5 + tokens(seed=step))
    assert layer.book.revived.sum() >= 0
    assert layer.book.codes.norm(dim=-1).max() < 200


def test_accumulation_that_begins_in_inference_mode():
    layer = VQ(dim=4, codes=8)
    layer.deferred = True
    layer(tokens())
    layer.update()
    with torch.inference_mode():
        layer(tokens(seed=1))
    layer(tokens(seed=2))
    layer.update()
    assert layer.codebook.isfinite().all()


@pytest.mark.parametrize("make", [lambda: Gaussian(dim=-1), lambda: Gaussian(dim=2.5), lambda: NoBottleneck(dim=0)])
def test_constructors_check_what_they_are_given(make):
    with pytest.raises(UserError, match=r"bottleneck\.dim"):
        make()


def test_five_axes_are_refused_with_what_to_flatten():
    with pytest.raises(UserError) as refused:
        VQ(dim=4, codes=8)(torch.zeros(1, 4, 2, 2, 2))
    assert "flatten" in refused.value.fix
