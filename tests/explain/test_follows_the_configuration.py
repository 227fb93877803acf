"""Another configuration, another text: nothing of it is written down for one recipe."""

from __future__ import annotations

from typing import Literal

import pytest
from explained import autoencoder, prior, section, text_of

from tilework.explain.facts.latent import Learns
from tilework.explain.words.schedules import course_text


def test_size() -> None:
    found = autoencoder("naruto", "data.size=96x64")
    assert (found.latent.width, found.latent.height) == (24, 16)
    assert found.latent.bits == 12 * 24 * 16
    assert "96x64 → 48x32 → 24x16" in section(found, "The network")
    assert "24x16 grid" in section(found, "What an image becomes")
    assert "128" not in section(found, "What goes in")


def test_widths_and_blocks() -> None:
    found = autoencoder("naruto", "encoder.widths=[32,48,96]", "encoder.tail_blocks=2", "encoder.residual_width=24")
    assert "3 steps down" in section(found, "The network")
    assert found.locality.pitch == (8, 8)
    assert "the widest map has 96" in section(found, "How to read the metrics")
    assert "24 channels inside" in section(found, "The network")


def test_codes() -> None:
    found = autoencoder("naruto", "bottleneck.codes=512")
    text = text_of(found)
    assert "from 0 to 511" in text
    assert "4,096" not in text
    assert "Below about **6.4**" in text
    assert "Above about **128**" in text
    assert found.latent.bits == 9 * 1024


def test_weight_and_schedule() -> None:
    found = autoencoder("naruto", "objective.commitment=0.5")
    assert "`objective.commitment`, weight 0.5)" in section(found, "What it learns from")
    ramp = autoencoder("p5-loops")
    assert "0.05 at first, rising to 0.25 in a straight line over 30 epochs" in section(ramp, "What it learns from")


def test_another_rule_another_goal() -> None:
    found = autoencoder("naruto", "bottleneck.codebook=gradient", "objective.codebook=1.0")
    text = section(found, "What it learns from")
    assert "Training balances 3 goals" in text
    assert "moving average" not in text
    assert "`objective.codebook`" in text


def test_a_term_without_weight_is_off() -> None:
    found = autoencoder("rqvae-digits")
    assert "it is **off**" in section(found, "What it learns from")
    assert "sinkhorn" not in {one.metric for one in found.readings}
    assert "sinkhorn" in {one.metric for one in autoencoder("rqvae-digits", "objective.sinkhorn=0.5").readings}


def test_a_vector_is_the_whole_image() -> None:
    for name in ("vae-digits", "rqvae-digits"):
        found = autoencoder(name)
        assert found.locality.learns is Learns.WHOLE
        assert found.locality.share == 1
        assert "The whole image" in section(found, "Features or the whole image?")


def test_a_grid_that_sees_everything() -> None:
    found = autoencoder("p5-loops", "data.size=32x32")
    assert found.locality.learns is Learns.WIDE_FEATURES
    assert found.locality.share == 1


def test_bottlenecks() -> None:
    fsq = autoencoder("naruto", "bottleneck.kind=fsq", "bottleneck.levels=[8,5,5,5]")
    assert fsq.latent.codes == 1000
    assert "8 x 5 x 5 x 5 = **1,000** codes" in section(fsq, "What an image becomes")
    assert "EMA" not in section(fsq, "What it learns from")
    lfq = autoencoder("naruto", "bottleneck.kind=lfq", "bottleneck.dim=10")
    assert lfq.latent.bits == 10 * 1024
    rq = autoencoder("naruto", "bottleneck.kind=rq", "bottleneck.levels=3", "bottleneck.codes=64")
    assert rq.latent.bits == 3 * 6 * 1024
    assert rq.latent.tokens == 3 * 1024
    assert rq.latent.codebook_numbers == 3 * 64 * 256
    shared = autoencoder(
        "naruto", "bottleneck.kind=rq", "bottleneck.levels=3", "bottleneck.codes=64", "bottleneck.shared=true"
    )
    assert shared.latent.codebook_numbers == 64 * 256
    plain = autoencoder("naruto", "bottleneck.kind=none", "bottleneck.dim=8", "objective.commitment=null")
    assert plain.latent.bits == 0
    assert "no bits to count" in section(plain, "What an image becomes")


def test_beta() -> None:
    assert "beta-VAE with beta 0.1" in text_of(autoencoder("vae-digits-beta0.1"))
    assert "variational autoencoder (VAE)" in text_of(autoencoder("vae-digits"))


def test_a_fault_that_is_there_on_purpose_is_named() -> None:
    found = autoencoder("gamefactory-v2.1.0")
    assert found.network.final_relu
    assert "known fault" in section(found, "The network")
    assert "known fault" in section(found, "What it learns from")
    assert "known fault" not in text_of(autoencoder("gamefactory-v2.1.6"))


@pytest.mark.parametrize(
    ("lr", "expected"),
    [
        ("2e-4", "0.0002"),
        (
            "{kind: linear, start: 1, end: 0.5, over: 3 epochs}",
            "1 at first, falling to 0.5 in a straight line over 3 epochs",
        ),
        ("{kind: cosine, start: 1, end: 0.1, over: 9 steps}", "1 at first, along half a cosine to 0.1 over 9 steps"),
        (
            "{kind: staircase, start: 0, rise: 0.1, every: 2 epochs, limit: 0.3}",
            "0 at first, 0.1 more every 2 epochs, to 0.3",
        ),
        (
            "{kind: plateau, start: 1, factor: 0.5, patience: 4, minimum: 0.1}",
            "1 at first, times 0.5 whenever validation has not improved for 4 epochs, never below 0.1",
        ),
        ("{kind: constant, value: 1, warmup: 30 steps}", "1, after a warm-up of 30 steps"),
    ],
)
def test_schedules(lr: str, expected: str) -> None:
    assert course_text(autoencoder("vq-mnist", f"optimizer.lr={lr}").training.lr) == expected


def test_priors() -> None:
    naruto = prior("gpt-prior", "parent=naruto")
    assert (naruto.tokens.count, naruto.tokens.codes) == (1024, 4096)
    assert "log2 4,096 = **12**" in section(naruto, "How to read the metrics")
    small = prior("gpt-prior", "parent=vq-mnist", "prior.depth=2")
    assert small.tokens.count == 49
    assert "**2 blocks**" in section(small, "The network")
    assert small.network.parameters < naruto.network.parameters
    motion = prior("motion-prior", "parent=p5-sharp")
    assert motion.tokens.count == 45 * 256
    assert motion.tokens.loop
    assert motion.network.positions == 15 * 64


def test_a_prior_too_large_for_the_memory() -> None:
    found = prior("gpt-prior", "parent=vq-mnist", "prior.width=4096", "prior.depth=2", "prior.heads=16")
    assert found.network.parameters > 4e8
    assert found.network.multiply_adds is None
    assert "multiply-adds" not in section(found, "The network")


def test_a_loss_term_of_somebody_else_shows_the_docstring_of_its_file() -> None:
    import types

    from tilework.objective import LossTerm, Outcome, TermConfig
    from tilework.spec.plugins import TERMS

    class Toy(LossTerm):
        def forward(self, outcome: Outcome):  # type: ignore[no-untyped-def]
            return outcome.recon.mean()

    class Config(TermConfig):
        """How bright the output is."""

        kind: Literal["toy"] = "toy"

        def build(self) -> LossTerm:
            return Toy()

    TERMS.add("toy", types.ModuleType("toy"))
    TERMS.extra["toy"].Config = Config  # type: ignore[attr-defined]
    try:
        found = autoencoder("vq-mnist", "objective.toy=0.1")
        assert "**toy** (`objective.toy`, weight 0.1). How bright the output is." in section(
            found, "What it learns from"
        )
        assert "toy" in {one.metric for one in found.readings}
    finally:
        del TERMS.extra["toy"]
