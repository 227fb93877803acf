"""Every statement of reference system 3's own explanation, found among the values that are computed for its recipe."""

from __future__ import annotations

import pytest
from explained import autoencoder, section, text_of

from tilework.explain.facts.latent import Learns
from tilework.explain.facts.reading import Failure
from tilework.explain.facts.training import Role

NARUTO = "naruto"


def reading(name: str):  # type: ignore[no-untyped-def]
    return next(one for one in autoencoder(NARUTO).readings if one.metric == name)


def test_it_learns_spatial_features_and_not_one_vector() -> None:
    found = autoencoder(NARUTO)
    assert found.locality.learns is Learns.FEATURES
    assert found.latent.positions == 1024
    text = section(found, "Features or the whole image?")
    assert "not pressed into one vector" in text
    assert "convolutions" in text
    assert "patch by patch" in text


def test_each_position_stands_for_an_area_of_the_image() -> None:
    seen = autoencoder(NARUTO).locality
    # 4x4 stride 2: 4; again: 10; 3x3 and four blocks at pitch 4: 10 + 5 x 8 = 50.
    assert seen.sees is not None
    assert (seen.sees.width, seen.sees.height) == (50, 50)
    assert seen.pitch == (4, 4)
    assert seen.share == pytest.approx(50 * 50 / 128**2)


def test_the_codebook_is_a_vocabulary_of_features() -> None:
    text = section(autoencoder(NARUTO), "Features or the whole image?")
    assert "vocabulary of 4,096 visual features (edges, textures, colours)" in text
    assert "1,024 tokens" in text


def test_what_goes_in() -> None:
    images = autoencoder(NARUTO).images
    assert (images.width, images.height, images.channels) == (128, 128, 3)
    assert images.batch == 16
    assert "3 channels (RGB)" in section(autoencoder(NARUTO), "What goes in")


def test_two_steps_down_of_stride_two() -> None:
    found = autoencoder(NARUTO)
    steps = found.network.steps_down
    assert [stage.weights[0].stride for stage in steps] == [(2, 2), (2, 2)]
    assert [stage.positions for stage in steps] == [(64, 64), (32, 32)]
    assert "128x128 → 64x64 → 32x32" in section(found, "The network")


def test_grid_depth_and_codebook() -> None:
    latent = autoencoder(NARUTO).latent
    assert (latent.width, latent.height, latent.dim, latent.codes, latent.levels) == (32, 32, 256, 4096, 1)
    assert latent.codebook_numbers == 4096 * 256
    text = section(autoencoder(NARUTO), "What an image becomes")
    assert "from 0 to 4,095" in text
    assert "In short: an image is written down as a 32x32 grid of codes" in text


def test_bits_and_ratio() -> None:
    found = autoencoder(NARUTO)
    assert found.latent.bits == 12 * 1024
    assert found.images.bits == 8 * 128 * 128 * 3
    assert found.latent.ratio(found.images) == 32


def test_three_goals() -> None:
    found = autoencoder(NARUTO)
    roles = {term.name: term.role for term in found.training.terms}
    assert roles == {"mse": Role.RECONSTRUCTION, "commitment": Role.ENCODER}
    assert found.latent.quantiser.rule == "ema"
    assert "Training balances 3 goals" in section(found, "What it learns from")


def test_reconstruction_makes_both_sides_learn() -> None:
    text = section(autoencoder(NARUTO), "What it learns from")
    assert "Encoder and decoder learn from it" in text
    assert "like the input" in text


def test_codes_follow_moving_averages() -> None:
    quantiser = autoencoder(NARUTO).latent.quantiser
    assert quantiser.decay == 0.99
    assert quantiser.averaged_steps == pytest.approx(100)
    text = section(autoencoder(NARUTO), "What it learns from")
    assert "moving average of the encoder's vectors that chose it" in text
    assert "steadier than a gradient" in text


def test_commitment_holds_the_encoder_near_the_codes() -> None:
    terms = {term.name: term for term in autoencoder(NARUTO).training.terms}
    assert terms["commitment"].course.start == 0.25
    assert "keeps the encoder's vectors near the codes" in section(autoencoder(NARUTO), "What it learns from")


def test_reconstruction_loss_should_fall_and_what_if_not() -> None:
    text = section(autoencoder(NARUTO), "How to read the metrics")
    assert "Should fall steadily; if it stays high, the model may be too small" in text
    assert "the widest map has 128" in text
    assert "more blocks (it has 8)" in text


def test_perplexity_counts_codes_in_use_with_both_bounds() -> None:
    marks = reading("perplexity.1").marks
    assert marks["codes"] == 4096
    assert marks["collapsed"] == pytest.approx(51.2)
    assert marks["well"] == pytest.approx(1024)
    text = section(autoencoder(NARUTO), "How to read the metrics")
    assert "4,096 codes are in effective use" in text
    assert "Below about **51**" in text
    assert "Above about **1,024**" in text


def test_collapse_is_a_few_codes_for_everything() -> None:
    found = autoencoder(NARUTO)
    assert found.symptoms[0].failure is Failure.CODEBOOK
    assert found.symptoms[0].marks["positions"] == 1024
    assert "Codebook collapse" in section(found, "What failure would look like")
    assert "a few codes have to describe everything" in section(found, "How to read the metrics")


def test_the_quantiser_loss_should_be_small_and_steady() -> None:
    assert "commitment" in {one.metric for one in autoencoder(NARUTO).readings}
    assert "Should be small and steady" in section(autoencoder(NARUTO), "How to read the metrics")


def test_where_the_metrics_are_seen() -> None:
    assert "Weights & Biases" in section(autoencoder(NARUTO), "How to read the metrics")
    logged = autoencoder(NARUTO, "trackers=wandb")
    assert logged.training.trackers == ("wandb",)
    assert "go to Weights & Biases" in section(logged, "How to read the metrics")


def test_the_text_is_of_this_configuration() -> None:
    assert text_of(autoencoder(NARUTO)).startswith("# naruto\n")
    assert autoencoder(NARUTO).subject.source == NARUTO
    assert "Computed from the recipe `naruto`." in text_of(autoencoder(NARUTO))
    assert "with `trackers=wandb`." in text_of(autoencoder(NARUTO, "trackers=wandb"))
