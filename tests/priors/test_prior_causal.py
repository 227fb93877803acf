"""The causal prior: what sees what, the cache, and that it is the GPT that it claims to be."""

from __future__ import annotations

import math

import pytest
import torch
from prior_examples import SHAPES, built, rng, some

from tilework.priors.blocks.base import flat, item
from tilework.priors.causal import Config, Prior, Walk
from tilework.priors.contract import Sampling, TokenShape
from tilework.spec import PRIORS

WINDOW = {"attention": "window", "window": 1, "positions": "sinusoidal"}
forms = pytest.mark.parametrize(
    "form",
    [{}, {"mlp": "swiglu", "positions": "grid"}, WINDOW, {"pointer": True}],
    ids=["plain", "swiglu", "window", "pointer"],
)
shapes = pytest.mark.parametrize("shape", SHAPES)


@shapes
@forms
def test_a_token_sees_those_before_it_and_nothing_else(shape, form):
    prior = built("causal", SHAPES[shape], **form)
    count = prior.shape.tokens
    tokens, labels = some(prior.shape, 1)
    number = torch.arange(count).view(prior.shape.item[0], *prior.shape.item[2:], prior.shape.levels)
    number = number.permute(0, 3, 1, 2)  # raster order: frame, row, column, level
    changed = torch.arange(count).view(-1, 1, 1, 1, 1)
    # Item n differs from the plain one in token n alone.
    others = torch.where(number == changed, (tokens + 1) % prior.shape.codes, tokens)
    moved = (prior.bits(others, labels.expand(count), rng()) - prior.bits(tokens, labels, rng())).abs()
    assert float(moved[(number < changed).expand_as(moved)].max()) < 1e-5
    # The next token sees the one before it, whether that is another level, position or frame.
    assert float(moved[number == changed + 1].min()) > 1e-5


@shapes
@forms
@pytest.mark.parametrize("prefix", [0, 1, 5])
def test_the_cache_gives_the_same_logits(shape, form, prefix):
    prior = built("causal", SHAPES[shape], **form)
    tokens, labels = some(prior.shape)
    codes = flat(tokens)
    with torch.no_grad():
        wanted = prior.logits(tokens, labels)
        walk = Walk(prior, labels, prior.shape.frames)
        hidden = walk.start(codes[:, :prefix])
        for place in range(prefix, codes.shape[1]):
            if place > prefix:
                hidden = walk.step(codes[:, place - 1])
            for level in range(prior.shape.levels):
                found = walk.logits(hidden, codes, place, level)
                assert torch.allclose(found, wanted[:, place, level], atol=1e-4)


@pytest.mark.parametrize("shape", ["clip", "loop"])
@pytest.mark.parametrize("window", [1, 2])
def test_a_window_reaches_its_frames_in_each_block_and_no_further(shape, window):
    prior = built("causal", SHAPES[shape], attention="window", window=window, depth=1)
    tokens, labels = some(prior.shape, frames=6)
    other = tokens.clone()
    other[:, 0] = (tokens[:, 0] + 1) % prior.shape.codes
    # The codes of the last position of a frame are the first input of the next one.
    moved = (prior.bits(other, labels, rng()) - prior.bits(tokens, labels, rng())).abs().amax((0, 2, 3, 4)) > 1e-5
    assert moved.tolist() == [True] * (window + 2) + [False] * (4 - window)


def test_a_window_that_holds_all_frames_is_full_attention():
    full = built("causal", SHAPES["loop"], attention="full")
    window = built("causal", SHAPES["loop"], attention="window", window=4)
    tokens, labels = some(full.shape)
    assert torch.allclose(full.bits(tokens, labels, rng()), window.bits(tokens, labels, rng()), atol=1e-4)
    assert (built("causal", TokenShape(180, 1, 8, 8, 5), depth=1).back, full.back) == (2, None)


def test_guidance_walks_with_and_without_the_label():
    prior = built("causal", SHAPES["levels"])
    tokens, labels = some(prior.shape)
    codes = flat(tokens)
    with torch.no_grad():
        walk = Walk(prior, torch.cat([labels, torch.full_like(labels, -1)]), 1)
        hidden = walk.start(codes[:, :2])
        found = walk.logits(hidden, codes, 2, 1)
        with_label, without = prior.logits(tokens, labels), prior.logits(tokens, torch.full_like(labels, -1))
    assert torch.allclose(found, torch.cat([with_label[:, 2, 1], without[:, 2, 1]]), atol=1e-4)


def test_bits_are_those_of_the_logits():
    prior = built("causal", SHAPES["loop"])
    tokens, labels = some(prior.shape)
    with torch.no_grad():
        chance = prior.logits(tokens, labels).log_softmax(-1).gather(-1, flat(tokens)[..., None])[..., 0]
    assert torch.allclose(prior.bits(tokens, labels, rng()), item(-chance / math.log(2), tokens), atol=1e-4)
    assert float(prior(tokens, labels).values["bits_per_token"]) == pytest.approx(
        float(prior.bits(tokens, labels, rng()).mean()), rel=1e-5
    )


def test_a_known_token_is_seen_by_those_after_it_alone():
    prior = built("causal", SHAPES["image"])
    tokens, labels = some(prior.shape)
    known = torch.zeros_like(tokens, dtype=torch.bool)
    known[..., 1, 2] = True
    drawn = [
        prior.sample(torch.full_like(tokens, code), known, labels, Sampling(), rng()).flatten(1) for code in range(4)
    ]
    place = 1 * prior.shape.width + 2
    assert all(torch.equal(other[:, :place], drawn[0][:, :place]) for other in drawn)
    assert any(not torch.equal(other[:, place + 1 :], drawn[0][:, place + 1 :]) for other in drawn)
    assert not Prior.sees_both_sides


def test_the_gpt_of_system_3_can_be_written_down():
    config = PRIORS.parse(
        {
            "kind": "causal", "depth": 8, "heads": 8, "width": 256, "dropout": 0.1,
            "mlp": "gelu", "mlp_ratio": 4, "positions": "grid", "labels": False,
        }
    )  # fmt: skip
    assert isinstance(config, Config)
    prior = Prior(config, TokenShape(1, 1, 32, 32, 512))
    width, block = 256, 12 * 256 * 256 + 13 * 256  # GPT-2's count of a block, its biases included
    outer = 512 * width + 1024 * width + width + 2 * width + 512 * width + 512  # codes, positions, start, norm, logits
    assert prior.facts() == {"parameters": 8 * block + outer, "positions": 1024}
    assert prior.config.dropout == 0.1


def test_the_last_frame_of_a_loop_is_beside_the_first():
    """Of a loop, the angle between the first and the last frame is that between neighbours."""
    from tilework.priors.blocks.rotary import angles

    loop, clip = angles(12, 16, loop=True), angles(12, 16, loop=False)
    turned = loop + (loop[1] - loop[0])
    assert torch.allclose(torch.exp(1j * turned), torch.exp(1j * loop.roll(-1, 0)))
    assert not torch.allclose(torch.exp(1j * (clip + clip[1])), torch.exp(1j * clip.roll(-1, 0)))
