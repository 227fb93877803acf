"""Probes of outputs, modes, gradients, units and devices: a healthy model, and one with a known fault."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from probed import Still, Then, landscapes, lossless, subject
from torch import Tensor, nn

from tilework.engine.probing.left_out import NotApplicable, NotMeasured
from tilework.engine.probing.probes.detail import by_bits, by_count, spectrum_of
from tilework.engine.probing.probes.device import compared
from tilework.engine.probing.probes.images import octaves
from tilework.engine.probing.probes.perceptual_input import arriving
from tilework.engine.probing.running import shipped
from tilework.engine.probing.subject import copied
from tilework.objective import LossTerm, Outcome


def measured(name: str, seen: object) -> dict[str, object]:
    return dict(shipped()[name].measure(seen).values)


# Outputs ---------------------------------------------------------------------------------------------------------------


def test_the_range_of_outputs_by_hand() -> None:
    x = landscapes()
    found = measured("output-range", subject(x, lambda y: y.clamp_min(0.5)))
    y = np.maximum(x.numpy(), 0.5)
    assert found["low"] == 0.5
    assert found["at_low"] == pytest.approx((y <= 0.501).mean())
    assert found["under"] == pytest.approx((x.numpy() < 0.45).mean(), abs=1e-4)
    assert found["over"] == 0
    assert found["between"] == pytest.approx(math.sqrt(y.var(0, ddof=1).mean()), rel=1e-4)
    assert found["data_between"] == pytest.approx(math.sqrt(x.numpy().var(0, ddof=1).mean()), rel=1e-4)


def test_the_same_image_for_every_image() -> None:
    found = measured("output-range", subject(landscapes(), lambda y: y.mean(0, keepdim=True).expand_as(y)))
    assert found["between"] < 1e-6 < found["within"]


def test_an_output_that_is_not_finite_is_not_measured() -> None:
    with pytest.raises(NotMeasured):
        measured("output-range", subject(landscapes(), lambda y: y / 0))


# Detail ----------------------------------------------------------------------------------------------------------------


def test_blur_costs_fine_detail() -> None:
    blur = nn.AvgPool2d(3, 1, 1)
    assert measured("detail", subject(landscapes()))["detail"] == pytest.approx(1)
    assert measured("detail", subject(landscapes(), blur))["detail"] < 0.1


def test_bits_are_shared_out_so_that_the_error_is_least() -> None:
    flat = np.full((1, 4, 4), 2.0)
    # Of white noise every bit for each of n numbers quarters the error.
    assert by_bits(flat, 16) == pytest.approx(np.full((1, 4, 4), 2 - 2 / 4), rel=1e-6)
    uneven = np.array([[[16.0, 4.0, 0.5]]])
    # A water level of 1 costs 0.5 log2 16 + 0.5 log2 4 = 3 bits.
    assert by_bits(uneven, 3) == pytest.approx(np.array([[[15.0, 3.0, 0.0]]]), rel=1e-6)
    assert by_bits(uneven, 1e6) == pytest.approx(uneven)
    assert by_count(uneven, 2).tolist() == [[[16.0, 4.0, 0.0]]]
    assert by_count(uneven, 7).tolist() == uneven.tolist()


def test_the_gain_of_the_laplacian_is_that_of_a_cosine() -> None:
    n, k = 64, 20
    wave = np.cos(np.pi * k * (np.arange(n) + 0.5) / n)
    image = np.zeros((2, 1, n, n))
    image[0, 0] = wave[None, :]
    image[1] = -image[0]
    power, gain = spectrum_of(image)
    assert power[0, 0, k] == pytest.approx(power.sum())
    seen = 2 * wave[1:-1] - wave[:-2] - wave[2:]
    assert np.square(seen).mean() / np.square(wave[1:-1]).mean() == pytest.approx(gain[0, 0, k], rel=1e-6)


def test_images_without_detail_show_nothing() -> None:
    with pytest.raises(NotApplicable):
        measured("detail", subject(torch.full((4, 1, 48, 48), 0.3)))


# Modes -----------------------------------------------------------------------------------------------------------------


def with_norm(shift: float) -> nn.BatchNorm2d:
    """A batch norm that changes nothing of `landscapes`, with a running mean that is wrong by `shift`."""
    x, norm = landscapes(), nn.BatchNorm2d(3)
    mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
    norm.running_mean, norm.running_var = mean + shift, var.clone()
    norm.weight.data, norm.bias.data = (var + norm.eps).sqrt(), mean.clone()
    return norm


def test_running_statistics_that_do_not_fit() -> None:
    healthy = measured("modes", subject(landscapes(), with_norm(0.0)))
    assert healthy["norms"] == 1
    assert healthy["evaluating"] == pytest.approx(healthy["networks"], abs=1e-9)
    wrong = measured("modes", subject(landscapes(), with_norm(0.1)))
    assert wrong["networks"] == pytest.approx(0, abs=1e-9)
    assert wrong["evaluating"] == pytest.approx(0.01, rel=0.01)


def test_modes_leave_the_model_as_it_was() -> None:
    seen = subject(landscapes(), with_norm(0.1))
    before = {name: value.clone() for name, value in seen.model.state_dict().items()}
    measured("modes", seen)
    assert all(torch.equal(before[name], value) for name, value in seen.model.state_dict().items())
    assert not any(module.training for module in seen.model.modules())


# Gradients -------------------------------------------------------------------------------------------------------------


def test_the_gradient_of_squared_error_by_hand() -> None:
    x = landscapes()
    seen = subject(x, lambda y: 0.9 * y, weights={"mse": 2.0}, overrides=("objective={mse: 1.0}",))
    found = measured("gradients", seen)
    # d/dy of mean (y - x)^2 is 2 (y - x) / n.
    some = x[:16]
    wanted = 2.0 * 2 * (0.1 * some).norm() / some.numel()
    assert found["output.mse"] == pytest.approx(float(wanted), rel=1e-4)
    assert found["latent.mse"] == pytest.approx(0.9 * float(wanted), rel=1e-4)
    assert found["codes.mse"] == 0
    assert found["terms"] == found["compares"] == ["mse"]
    assert found["value.mse"] == found["mse"]


def test_terms_of_the_latent_have_no_gradient_on_the_output() -> None:
    from tiny_runs import session, tiny

    from tilework.engine.probing.opening import probe_session

    found = probe_session(session(tiny("rq", "bottleneck.codebook=gradient", "objective.codebook=1.0"))).values[
        "gradients"
    ]
    assert found["output.commitment"] == found["output.codebook"] == 0
    assert found["latent.commitment"] > 0 == found["codes.commitment"]
    assert found["codes.codebook"] > 0 == found["latent.codebook"]
    assert found["compares"] == ["mse"]


# A perceptual network --------------------------------------------------------------------------------------------------


class Watching(LossTerm):
    """A term with a network that hands on images times `gain` plus `offset`."""

    def __init__(self, gain: float, offset: float) -> None:
        super().__init__()
        self.network, self.gain, self.offset = Then(lambda x, y: (x - y).square().mean()), gain, offset

    def forward(self, outcome: Outcome) -> Tensor:
        x, recon = (self.gain * image + self.offset for image in (outcome.x, outcome.recon))
        found: Tensor = self.network(x, recon)
        return found


class Deaf(Watching):
    """A term that never asks its network, as where its package is missing and it gives zero."""

    def forward(self, outcome: Outcome) -> Tensor:
        return outcome.recon.sum() * 0


def test_a_network_that_is_never_asked_gets_nothing() -> None:
    term = Deaf(1, 0)
    term.network = Two()
    assert arriving(term, term.network, torch.zeros(1, 3, 16, 16)) is None


class Two(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return (x - y).square().mean()


@pytest.mark.parametrize(("gain", "offset", "black", "white"), [(2, -1, -1, 1), (1, 0, 0, 1), (255, 0, 0, 255)])
def test_what_arrives_at_a_perceptual_network(gain: float, offset: float, black: float, white: float) -> None:
    term = Watching(gain, offset)
    term.network = Two()
    assert arriving(term, term.network, torch.zeros(1, 3, 16, 16)) == (black, white)
    assert not term.network._forward_pre_hooks


def test_without_such_a_term_there_is_nothing_to_report() -> None:
    with pytest.raises(NotApplicable):
        measured("perceptual-input", subject(landscapes()))


# Units -----------------------------------------------------------------------------------------------------------------


def test_units_that_never_answer_are_counted() -> None:
    widen, back = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 3, 1)
    with torch.no_grad():
        widen.bias[:] = torch.tensor([-1e3] * 6 + [1.0] * 2)
    found = measured("activations", subject(landscapes(), widen, nn.ReLU(), back, nn.ReLU()))
    assert (found["units"], found["layers"]) == (11, 2)
    assert found["worst_inside"] == 0
    assert found["dead"] >= 6
    assert found["worst"] >= 0.75
    with pytest.raises(NotApplicable):
        measured("activations", subject(landscapes()))


# Devices ---------------------------------------------------------------------------------------------------------------


def test_a_device_that_computes_something_else_is_reported() -> None:
    x = landscapes(4)
    model = lossless(3, (48, 48), nn.Conv2d(3, 3, 1)).eval()
    same = compared(model, copied(model), x)
    assert same["decoded"] == same["encoded"] == 0
    assert same["mse"] == same["mse_cpu"]
    faulty = copied(model)
    with torch.no_grad():
        faulty.decoder[1].weight.mul_(1.5)
    assert compared(faulty, model, x)["decoded"] > 0.05
    with pytest.raises(NotApplicable):
        measured("device", subject(x))


# Images ----------------------------------------------------------------------------------------------------------------


def of_images(images: Tensor, **table: object) -> dict[str, object]:
    return measured("images", subject(images, view=Still(images, **table)))


def natural(count: int = 12, size: int = 64, seed: int = 0) -> Tensor:
    """Images with edges and a little grain."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 1, size // 8, size // 8, generator=generator)
    edges = nn.functional.interpolate(coarse, scale_factor=8, mode="nearest").roll((3, 2), (2, 3))
    grain = 0.03 * torch.randn(edges.shape, generator=generator)
    return (0.1 + 0.8 * edges + grain).clamp(0, 1)


def larger(images: Tensor, mode: str) -> Tensor:
    extra = {} if mode == "nearest" else {"align_corners": False}
    return nn.functional.interpolate(images, scale_factor=2, mode=mode, **extra).clamp(0, 1)


def test_images_as_they_should_be() -> None:
    found = of_images(natural())
    assert [found[name] for name in ("dark", "soft", "half", "plain", "files")] == [0] * 5
    assert found["blocks"] == 1
    assert found["top"] > 0.2


def test_dark_images() -> None:
    assert of_images(natural() * 0.2)["dark"] == 1
    mixed = torch.cat([natural() * 0.2, natural(36)])
    assert of_images(mixed)["dark"] == 0.25
    strokes = torch.zeros(12, 1, 64, 64)
    strokes[:, :, 20:40, 30:33] = 1
    assert of_images(strokes)["dark"] == 0


def softened(images: Tensor, sigma: float) -> Tensor:
    distance = torch.arange(-8.0, 9.0)
    kernel = torch.exp(-distance.square() / (2 * sigma**2))
    kernel = (kernel / kernel.sum())[None, None]
    padded = nn.functional.pad(images, (8, 8, 8, 8), mode="reflect")
    return nn.functional.conv2d(nn.functional.conv2d(padded, kernel[..., None]), kernel[:, :, None])


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0, 3.0])
def test_blurred_images(sigma: float) -> None:
    assert of_images(softened(natural(), sigma))["soft"] == 1


def test_enlarged_images() -> None:
    found = of_images(larger(softened(natural(size=32), 0.5), "bicubic"))
    assert found["half"] == found["soft"] == 1
    assert found["blocks"] == 1
    blocks = of_images(larger(natural(size=32), "nearest"))
    assert blocks["blocks"] == 2
    assert blocks["soft"] == 0


def test_octaves_of_single_waves() -> None:
    size = 64
    waves = [np.cos(np.pi * k * (np.arange(size) + 0.5) / size) for k in (10, 20, 40)]
    both = 100 * (waves[2] + 2 * waves[1] + 4 * waves[0])
    top, below = octaves(np.broadcast_to(both, (1, size, size)).astype(np.float32))
    assert top == pytest.approx([1 / 4], rel=1e-3)
    assert below == pytest.approx([1 / 4], rel=1e-3)


def test_the_files_of_images_show_what_was_enlarged(tmp_path: Path) -> None:
    for number in range(12):
        size = (20, 40) if number < 9 else (128, 100)
        Image.new("L", size).save(tmp_path / f"{number}.png")
    images = natural()
    seen = subject(
        images,
        view=Still(images, file_of=lambda n: f"{n % 12}.png"),
        overrides=(f"data={{kind: images, path: '{tmp_path}'}}",),
    )
    found = measured("images", seen)
    assert (found["files"], found["smaller"]) == (12, 0.75)
    assert found["scale"] == pytest.approx(20 / 64)


def test_images_of_one_colour_are_not_judged_by_their_frequencies() -> None:
    found = of_images(torch.full((12, 1, 64, 64), 0.5))
    assert (found["judged"], found["plain"], found["half"], found["soft"]) == (0, 1, 0, 0)


def test_copies_are_counted_and_within_a_clip_they_are_not() -> None:
    images = natural(10)
    twice = torch.cat([images, images[:4], images[:1]])
    found = measured("copies", subject(twice, view=Still(twice, natural(5, seed=1))))
    assert found["copies"] == found["across"] == 5 / 20
    assert found["most"] == 3
    clips = np.repeat(np.arange(4), 5)
    within = measured("copies", subject(twice, view=Still(twice, natural(5, seed=1), groups=clips)))
    assert within["copies"] == 5 / 20
    still = torch.cat([images[:1]] * 5 + [images[5:]] * 2)
    one_clip = np.array([0] * 5 + [1] * 5 + [2] * 5 + [3] * 5)
    apart = measured("copies", subject(still, view=Still(still, natural(5, seed=2), groups=one_clip)))
    assert apart["copies"] == 9 / 20
    assert apart["across"] == 5 / 20
