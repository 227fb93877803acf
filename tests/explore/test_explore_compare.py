"""The same image, point or tokens through several models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from token_models import opened_model, trained

from tilework.engine.autoencoder.snapshot import to_uint8
from tilework.errors import UserError
from tilework.explore.compare import same_image, same_point, same_tokens, settings_that_differ
from tilework.explore.compare_sheet import numbers
from tilework.explore.compared import difference
from tilework.explore.opened import Opened, open_model
from tilework.explore.shown_tokens import tokens
from tilework.explore.token_images import paint


@pytest.fixture
def token_model(once: Callable[..., Path]) -> Callable[[str], Opened]:
    return lambda kind: opened_model(once, kind)


def test_an_image_through_three_models(token_model: Callable[[str], Opened]) -> None:
    models = [token_model(kind) for kind in ("vq", "rq", "fsq")]
    found = same_image(models, "validation:4")
    assert models[0].images is not None
    image = models[0].images.pixels("validation", [4])[0]
    assert found.original is not None
    assert np.array_equal(found.original, image)
    for number, (opened, seen) in enumerate(zip(models, found.models, strict=True)):
        made = opened.model.reconstruct(image[None])
        assert np.array_equal(seen.image, to_uint8(made)[0])
        expected = float((made[0] - torch.from_numpy(image / np.float32(255)).permute(2, 0, 1)).square().mean())
        assert seen.mse == pytest.approx(expected, rel=1e-6)
        assert seen.bits == pytest.approx(opened.model.network.bottleneck.bits_per_position * 64)
        assert seen.kl is None
        assert seen.side == "validation"
        error = found.error(number)
        assert error is not None
        assert np.allclose(error, np.abs(seen.image.astype(float) - image).mean(-1) / 255)
    off = np.abs(found.models[0].image.astype(float) - found.models[2].image).mean(-1) / 255
    assert np.allclose(found.between(0, 2), off)
    assert not found.between(1, 1).any()


def test_a_gaussian_has_its_divergence_and_beta(opened: Callable[[str], Opened]) -> None:
    gaussian = opened("gaussian")
    found = same_image([gaussian, opened("none")], "validation:1")
    assert gaussian.images is not None
    mean, deviation = gaussian.encode(gaussian.images.pixels("validation", [1]))
    assert deviation is not None
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(normal(mean, deviation), normal(0.0, 1.0)).sum()
    assert found.models[0].kl == pytest.approx(float(expected), rel=1e-4)
    assert found.models[0].beta == 1.0
    assert found.models[1].kl is None
    assert found.models[1].beta is None
    assert found.models[0].bits is None
    assert numbers(found.models[0])["KL"].endswith("nats")


def test_a_point_through_checkpoints_of_one_run(once: Callable[..., Path]) -> None:
    run = trained(once, "vq")
    models = [open_model(run, which=which, device="cpu") for which in ("20", "40")]
    found = same_point(models, "seed:3;0=2")
    assert found.original is None
    assert found.settings == {}
    assert [seen.step for seen in found.models] == [20, 40]
    z = torch.randn(models[0].shape, generator=torch.Generator().manual_seed(3))
    z.view(-1)[0] = 2
    for opened, seen in zip(models, found.models, strict=True):
        assert np.array_equal(seen.image, opened.decode(z[None])[0])
        assert seen.mse is None
    assert same_point(models, "validation:2").original is not None


def test_tokens_through_checkpoints_of_one_run(once: Callable[..., Path]) -> None:
    run = trained(once, "vq")
    models = [open_model(run, which=which, device="cpu") for which in ("20", "40")]
    codes = tokens(models[1], "validation:0").codes
    found = same_tokens(models, codes)
    for opened, seen in zip(models, found.models, strict=True):
        assert np.array_equal(seen.image, paint(opened, codes))
    with pytest.raises(UserError, match="code 24"):
        same_tokens(models, np.full_like(codes, 24))


def test_settings_that_differ_are_named(token_model: Callable[[str], Opened]) -> None:
    found = settings_that_differ([token_model("vq"), token_model("rq")])
    assert found["bottleneck.kind"] == ("vq", "rq")
    assert found["bottleneck.codes"] == (24, 12)
    assert found["bottleneck.levels"] == (None, 3)
    assert "name" not in found
    assert "engine.steps" not in found


def test_what_cannot_be_compared_is_refused(
    token_model: Callable[[str], Opened], opened: Callable[[str], Opened]
) -> None:
    vq, rq, small, vector = token_model("vq"), token_model("rq"), opened("vq"), token_model("vector")
    for call, part in (
        (lambda: same_image([vq], "validation:0"), "1 model cannot"),
        (lambda: same_image([vq] * 5, "validation:0"), "5 models cannot"),
        (lambda: same_image([vq, small], "validation:0"), "different images"),
        (lambda: same_tokens([vq, rq], tokens(vq, "validation:0").codes), "no common tokens"),
        (lambda: same_point([vq, vector], "seed:1"), "not the same point"),
        (lambda: same_point([vq, vector], "validation:0;0=1"), "not the same point"),
        (lambda: same_image([vq, rq], "seed:1"), "not an image"),
        (lambda: same_image([vq, rq], "validation:100000"), "validation:100000"),
        (lambda: same_image([vq, rq], "image:no-such.png"), "no-such.png"),
        (lambda: same_tokens([opened("gaussian"), opened("none")], np.zeros((1, 4, 4), np.int64)), "has no tokens"),
    ):
        with pytest.raises(UserError, match=part) as refused:
            call()
        assert refused.value.fix, part
    with pytest.raises(UserError) as refused:
        same_image([vq, small], "validation:0")
    assert "32x32" in refused.value.why
    assert "16x16" in refused.value.why


def test_without_images_only_what_needs_them_is_refused(token_model: Callable[[str], Opened]) -> None:
    vq = token_model("vq")
    bare = replace(vq, images=None, missing={"what": "gone", "why": "moved", "fix": "bring back"}, _found={})
    with pytest.raises(UserError, match="gone"):
        same_image([bare, vq], "validation:0")
    assert same_image([vq, bare], "validation:0").models[1].side is None
    assert same_point([bare, bare], "seed:0").models[0].image.shape == (32, 32, 1)


def test_sheet_and_page_show_every_model(token_model: Callable[[str], Opened]) -> None:
    models = [token_model(kind) for kind in ("vq", "rq", "lfq", "fsq")]
    found = same_image(models, "validation:0")
    html = found.html()
    for opened in models:
        assert opened.name in html
    assert html.count("<img") == 4 * 3 + 3
    assert "bottleneck.kind" in html
    assert "<script" not in html
    sheet = np.asarray(found.sheet())
    wanted = np.repeat(found.models[3].image, 3, -1).repeat(6, 0).repeat(6, 1)
    columns = np.flatnonzero((sheet == wanted[0, 0]).all(-1).any(0))
    assert len(columns)
    assert difference(found.models[3].image, found.models[3].image).max() == 0


def test_beta_is_that_of_the_end_of_its_schedule(opened: Callable[[str], Opened]) -> None:
    from tilework.explore.compare import beta_of
    from tilework.spec.load import parse_spec

    gaussian = opened("gaussian")
    for weight, expected in (
        ({"kind": "linear", "start": 4.0, "end": 0.5, "over": "10 epochs"}, 0.5),
        ({"kind": "linear", "start": 0.0, "end": 2.0, "over": "10 steps", "warmup": "5 steps"}, 2.0),
        (3.0, 3.0),
    ):
        raw = gaussian.model.spec.model_dump(mode="json")
        raw["objective"]["kl"]["weight"] = weight
        gaussian.model.spec = parse_spec(raw, "beta")
        assert beta_of(gaussian) == expected
