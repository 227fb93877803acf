"""Parameters, operations and bounds against figures made by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from explained import autoencoder, prior

from tilework.explain.bounds import Usage
from tilework.explain.even import even_perplexity, even_used
from tilework.explain.facts.network import Side
from tilework.explain.facts.reading import Verdict


def test_naruto_by_hand() -> None:
    network = autoencoder("naruto").network
    stages = {stage.name: stage for stage in network.stages}
    assert stages["encoder.stage1_conv"].parameters == 4 * 4 * 3 * 64 + 64
    assert stages["encoder.stage1_conv"].multiply_adds == 4 * 4 * 3 * 64 * 64 * 64
    assert stages["encoder.stage2_conv"].multiply_adds == 4 * 4 * 64 * 128 * 32 * 32
    assert stages["encoder.middle1"].parameters == 9 * 128 * 128 + 128
    block = 9 * 128 * 32 + 32 + 32 * 128 + 128
    assert stages["encoder.tail_block1"].parameters == block
    assert stages["encoder.tail_block1"].multiply_adds == (9 * 128 * 32 + 32 * 128) * 1024
    assert stages["encoder.project"].parameters == 128 * 256 + 256
    assert stages["decoder.project"].parameters == 9 * 256 * 128 + 128
    # A transposed convolution: its kernel once for each position that goes in.
    assert stages["decoder.stage2_up"].multiply_adds == 16 * 128 * 64 * 32 * 32
    assert stages["decoder.stage1_up"].multiply_adds == 16 * 64 * 3 * 64 * 64
    assert stages["decoder.stage1_up"].shape == (3, 128, 128)
    encoder = (48 * 64 + 64) + (16 * 64 * 128 + 128) + (9 * 128 * 128 + 128) + 4 * block + (128 * 256 + 256)
    decoder = (9 * 256 * 128 + 128) + 4 * block + (16 * 128 * 64 + 64) + (16 * 64 * 3 + 3)
    assert network.parameters == encoder + decoder
    # Each of 1,024 positions against 4,096 codes of 256 numbers.
    assert next(part for part in network.parts if part.name == "bottleneck").multiply_adds == 1024 * 4096 * 256


def test_the_parameters_are_those_of_the_model_that_is_trained() -> None:
    from tilework.engine.autoencoder.model import build_model
    from tilework.engine.describe import parameter_count
    from tilework.spec import AutoencoderSpec, load_spec

    for name in ("vae-digits", "rqvae-digits", "p5-loops", "gamefactory-v2.1.6"):
        spec = load_spec(name)
        assert isinstance(spec, AutoencoderSpec)
        assert autoencoder(name).network.parameters == parameter_count(build_model(spec)), name


def test_a_vector_by_hand() -> None:
    network = autoencoder("vae-digits").network
    stages = {stage.name: stage for stage in network.stages}
    assert stages["encoder.stage3_conv"].shape == (64, 4, 4)
    # With its BatchNorm: a scale and a shift for each channel.
    assert stages["encoder.stage1_conv"].parameters == 9 * 16 + 16 + 2 * 16
    assert stages["encoder.out"].parameters == 1024 * 24 + 24
    assert stages["encoder.out"].multiply_adds == 1024 * 24
    assert stages["decoder.grow"].parameters == 12 * 1024 + 1024 + 2 * 64
    assert stages["decoder.grow"].shape == (64, 4, 4), "shown as the map that it becomes"
    assert stages["bottleneck"].shape == (12, 1, 1)
    assert network.of(Side.DECODER)[-1].shape == (1, 28, 28)


def test_a_prior_by_hand() -> None:
    found = prior("gpt-prior", "parent=vq-mnist")
    width, depth, codes, positions = 256, 8, 128, 49
    block = 4 * width * width + 4 * width + 2 * (4 * width * width) + 4 * width + width + 2 * 2 * width
    embedding = codes * width
    labels = width
    head = 2 * width + width * codes + codes
    axial = 7 * width + 7 * width
    assert found.network.parameters == depth * block + embedding + labels + head + axial
    products = depth * (12 * width * width * positions + 2 * positions * positions * width) + width * codes * positions
    assert found.network.multiply_adds == products


@pytest.mark.parametrize(("codes", "tokens"), [(16, 40), (64, 64), (128, 30), (512, 5000)])
def test_the_data_bound_is_what_even_codes_show(codes: int, tokens: int) -> None:
    rng = np.random.default_rng(codes)
    used, perplexities = [], []
    for _ in range(300):
        counts = np.bincount(rng.integers(codes, size=tokens), minlength=codes)
        share = counts[counts > 0] / tokens
        used.append(len(share))
        perplexities.append(math.exp(-(share * np.log(share)).sum()))
    assert even_used(codes, tokens) == pytest.approx(np.mean(used), rel=0.02)
    assert even_perplexity(codes, tokens) == pytest.approx(np.mean(perplexities), rel=0.03)


def test_the_bound_grows_to_all_codes() -> None:
    found = [even_perplexity(100, tokens) for tokens in (1, 10, 100, 1_000, 49_000, 51_000, 10**7)]
    assert found == sorted(found)
    assert found[0] == pytest.approx(1, abs=0.02)
    assert found[-1] == pytest.approx(100, rel=1e-4)


def test_verdicts() -> None:
    plenty = Usage(4096, 10**7)
    assert [plenty.verdict(value) for value in (1.0, 40, 200, 2000, math.nan)] == [
        Verdict.COLLAPSED,
        Verdict.COLLAPSED,
        Verdict.LOW,
        Verdict.GOOD,
        Verdict.NONE,
    ]
    few = Usage(4096, 2000)
    assert few.bounded
    assert few.verdict(0.95 * few.most_perplexity) is Verdict.BOUND
    assert not plenty.bounded
    tiny = Usage(2, 1000)
    assert tiny.verdict(1.9) is Verdict.GOOD
