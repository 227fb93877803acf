"""The shipped recipes against the published figures of the systems that they reproduce."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import pytest
import torch
from shipped import AUTOENCODERS, PRIORS

from tilework.spec import RunSpec, dump_yaml, load_spec, recipe_names, recipe_text
from tilework.spec.clock import Clock
from tilework.spec.load import parse_spec, read_yaml

RQVAE = ["rqvae-digits", "rqvae-mnist"]
P5 = ["p5-loops", "p5-sketches"]
SHARP = {"p5-sharp": 1, "p5-sharp-colour": 3}
"""Our own recipe for sharp lines -> channels."""
VAE = {
    f"vae-{data}{name}": beta
    for data in ("digits", "mnist")
    for name, beta in (("", 1), ("-beta0.1", 0.1), ("-beta10", 10))
}
MINERL = ["minerl-v1.0", "minerl-v1.0.1"]
V20, V201, V204, V210, V216 = (f"gamefactory-v{v}" for v in ("2.0", "2.0.1", "2.0.4", "2.1.0", "2.1.6"))
GAME = [V20, V201, V204, V210, V216]
TOKENS, PHOTOS = "vq-mnist", "vq-photos"
"""Our own digits and photographs for priors."""
ALL = sorted([*RQVAE, TOKENS, PHOTOS, *P5, *SHARP, "naruto", *VAE, *MINERL, *GAME])


@cache
def spec_of(name: str) -> RunSpec:
    return load_spec(name)


@cache
def written(name: str) -> dict[str, Any]:
    return spec_of(name).model_dump(mode="json")


def value(name: str, path: str) -> Any:
    node: Any = written(name)
    for part in path.split("."):
        node = node[part]
    return node


def differing(a: str, b: str) -> set[str]:
    """The settings in which two recipes differ, as dotted paths; what only names or describes them is left out."""

    def flat(node: Any, prefix: str = "") -> dict[str, Any]:
        if not isinstance(node, dict):
            return {prefix: node}
        return {k: v for key, child in node.items() for k, v in flat(child, f"{prefix}.{key}".lstrip(".")).items()}

    one, two = flat(written(a)), flat(written(b))
    paths = {p for p in one.keys() | two.keys() if one.get(p) != two.get(p)}
    return paths - {"name", "about", "note"}


# Figures of the five systems, by recipe: dotted setting -> value.
ADAM = {"optimizer.kind": "adam"}
SYSTEM_1 = ADAM | {
    "data.size": "28x28",
    "data.channels": 1,
    "encoder.dense": [128],
    "bottleneck.kind": "rq",
    "bottleneck.levels": 2,
    "bottleneck.codes": 16,
    "bottleneck.dim": 2,
    "bottleneck.codebook": "gradient",
    "bottleneck.gradient": "straight_through",
    "objective.mse.weight": 1.0,
    "objective.commitment.weight": 0.25,
    "objective.codebook.weight": 1.0,
    "objective.sinkhorn.weight": 0.0,
    "objective.sinkhorn.epsilon": 0.2,
    "optimizer.lr": 1e-3,
    "engine.batch_size": 64,
}
SYSTEM_2 = ADAM | {
    "data.frames": 180,
    "data.size": "64x64",
    "data.channels": 1,
    "data.split.validation": 0.1,
    "bottleneck.kind": "vq",
    "bottleneck.codes": 128,
    "bottleneck.dim": 64,
    "bottleneck.codebook": "ema",
    "bottleneck.decay": 0.99,
    "bottleneck.epsilon": 1e-5,
    "bottleneck.start": "kmeans",
    "bottleneck.revival.enabled": True,
    "bottleneck.revival.jitter": 0.02,
    "decoder.output": "sigmoid",
    "objective.mse.weight": 1.0,
    "objective.commitment.weight": {"kind": "linear", "start": 0.05, "end": 0.25, "over": "30 epochs"},
    "optimizer.lr.kind": "plateau",
    "optimizer.lr.start": 2e-4,
    "optimizer.lr.factor": 0.5,
    "optimizer.lr.minimum": 1e-6,
    "engine.batch_size": 32,
    "engine.epochs": 200,
    "engine.snapshot_every_epochs": 5,
    "engine.early_stopping": {"patience": 15, "min_delta": 1e-4},
    "seed": 42,
}
SYSTEM_3 = ADAM | {
    "data.kind": "hub",
    "data.size": "128x128",
    "data.channels": 3,
    "encoder.tail_blocks": 4,
    "encoder.residual_width": 32,
    "bottleneck.kind": "vq",
    "bottleneck.codes": 4096,
    "bottleneck.dim": 256,
    "bottleneck.codebook": "ema",
    "bottleneck.decay": 0.99,
    "objective.commitment.weight": 0.25,
    "optimizer.lr.kind": "plateau",
    "optimizer.lr.start": 1e-4,
    "engine.batch_size": 16,
    "engine.epochs": 1000,
    "seed": 111,
}
SYSTEM_4 = ADAM | {
    "data.size": "28x28",
    "data.channels": 1,
    "bottleneck.kind": "gaussian",
    "bottleneck.dim": 12,
    "decoder.output": "sigmoid",
}
VIDEO = ADAM | {"data.kind": "video", "data.channels": 3, "bottleneck.kind": "vq", "bottleneck.codebook": "ema"}
MINERL_1 = VIDEO | {
    "data.skip": 20,
    "data.every": 2,
    "data.size": "64x64",
    "bottleneck.codes": 512,
    "bottleneck.dim": 64,
    "objective.mse.weight": 1.0,
    "objective.commitment.weight": 0.25,
    "engine.precision": "auto",
}
GAME_2 = VIDEO | {
    "data.count": 25300,
    "data.gap": 5,
    "bottleneck.dim": 384,
    "optimizer.clip_norm": 1.0,
    "decoder.output": "sigmoid",
    "data.split.by": "group",
}
TABLE: dict[str, dict[str, Any]] = {
    "rqvae-digits": SYSTEM_1 | {"data.kind": "digits"},
    "rqvae-mnist": SYSTEM_1 | {"data.kind": "mnist"},
    TOKENS: ADAM
    | {
        "data.kind": "mnist",
        "bottleneck.kind": "vq",
        "bottleneck.codes": 128,
        "bottleneck.dim": 16,
        "bottleneck.start": "kmeans",
        "objective.commitment.weight": 0.25,
    },
    PHOTOS: {
        "optimizer.kind": "muon",
        "data.kind": "images",
        "data.size": "64x64",
        "data.channels": 3,
        "bottleneck.kind": "vq",
        "bottleneck.codes": 512,
        "bottleneck.dim": 32,
        "bottleneck.start": "kmeans",
        "objective.commitment.weight": 0.25,
        "engine.steps": 6000,
    },
    "p5-loops": SYSTEM_2 | {"data.kind": "loops", "optimizer.lr.start": 1e-3},
    "p5-sketches": SYSTEM_2
    | {"data.kind": "sketches", "bottleneck.revival.threshold": 1e-6, "bottleneck.revival.probability": 0.1},
    **{
        name: {
            "optimizer.kind": "muon",
            "data.kind": "loops",
            "data.size": "64x64",
            "data.channels": channels,
            "data.split.by": "group",
            "bottleneck.kind": "vq",
            "bottleneck.codes": 512,
            "bottleneck.dim": 32,
            "bottleneck.start": "kmeans",
            "objective.commitment.weight": 0.25,
            "optimizer.clip_norm": 1.0,
        }
        for name, channels in SHARP.items()
    },
    "naruto": SYSTEM_3,
    **{name: SYSTEM_4 | {"data.kind": name.split("-")[1], "objective.kl.weight": beta} for name, beta in VAE.items()},
    "minerl-v1.0": MINERL_1 | {"optimizer.clip_norm": None},
    "minerl-v1.0.1": MINERL_1 | {"optimizer.clip_norm": 1.0},
    V20: GAME_2 | {"data.size": "64x36", "bottleneck.codes": 4096, "decoder.final_relu": False},
    V201: GAME_2 | {"data.size": "128x72", "bottleneck.codes": 4096, "decoder.final_relu": False},
    V204: GAME_2
    | {"data.size": "128x72", "bottleneck.codes": 1024, "objective.lpips.weight": 0.3, "engine.batch_size": 192},
    V210: GAME_2
    | {
        "data.size": "128x72",
        "bottleneck.codes": 1024,
        "decoder.final_relu": True,
        "objective.lpips.input_range_fault": True,
        "objective.lpips.weight.kind": "staircase",
        "objective.lpips.weight.rise": 0.05,
        "objective.lpips.weight.every": "5 epochs",
        "engine.batch_size": 256,
    },
    V216: GAME_2
    | {
        "data.size": "128x72",
        "data.split.validation": 0.1,
        "bottleneck.codes": 1024,
        "bottleneck.decay": 0.99,
        "decoder.final_relu": False,
        "objective.commitment.weight": 0.05,
        "objective.lpips.input_range_fault": False,
        "objective.lpips.weight": {
            "kind": "staircase",
            "start": 0.0,
            "rise": 0.005,
            "every": "2 epochs",
            "limit": 0.15,
        },
        "optimizer.lr": 1e-3,
        "engine.batch_size": 64,
    },
}


def test_the_recipes_are_those_that_are_promised() -> None:
    assert ALL == AUTOENCODERS
    assert sorted([*AUTOENCODERS, *PRIORS]) == recipe_names()
    assert sorted(TABLE) == ALL


@pytest.mark.parametrize("name", ALL)
def test_values_are_those_of_the_published_system(name: str) -> None:
    wrong = {path: value(name, path) for path, expected in TABLE[name].items() if value(name, path) != expected}
    assert not wrong


# ---- networks: layers by hand -------------------------------------------------------------------------------------------


def conv(inputs: int, outputs: int, kernel: int) -> int:
    """Parameters of a convolution, transposed or not, with bias."""
    return inputs * outputs * kernel**2 + outputs


def dense(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs


def batchnorm(width: int) -> int:
    return 2 * width


def residual(width: int, hidden: int) -> int:
    return conv(width, hidden, 3) + conv(hidden, width, 1)


NETS: dict[str, tuple[int, int, tuple[int, int, int]]] = {}
"""Recipe -> parameters of the encoder, of the decoder, latent (D, h, w)."""
for _name in RQVAE:
    NETS[_name] = (
        conv(1, 32, 3) + conv(32, 64, 3) + dense(7 * 7 * 64, 128) + dense(128, 2),
        dense(2, 128) + dense(128, 7 * 7 * 64) + conv(64, 32, 3) + conv(32, 1, 3),
        (2, 1, 1),
    )
NETS[TOKENS] = (
    conv(1, 32, 4) + conv(32, 64, 4) + conv(64, 16, 1),
    conv(16, 64, 1) + conv(64, 32, 4) + conv(32, 1, 4),
    (16, 7, 7),
)
for _name in P5:
    NETS[_name] = (
        conv(1, 32, 4) + conv(32, 64, 4) + conv(64, 128, 4) + batchnorm(128) + conv(128, 64, 3),
        conv(64, 128, 3) + batchnorm(128) + conv(128, 64, 4) + conv(64, 32, 4) + conv(32, 1, 4),
        (64, 8, 8),
    )
for _name, _channels in (SHARP | {PHOTOS: 3}).items():
    _attention = 4 * 128 * 128 + 128 if _name == "p5-sharp-colour" else 0
    NETS[_name] = (
        conv(_channels, 32, 4) + conv(32, 128, 4) + residual(128, 64) + _attention + conv(128, 32, 1),
        conv(32, 128, 1) + 3 * residual(128, 64) + _attention + conv(128, 64, 4) + conv(64, _channels, 4),
        (32, 16, 16),
    )
NETS["naruto"] = (
    conv(3, 64, 4) + conv(64, 128, 4) + conv(128, 128, 3) + 4 * residual(128, 32) + conv(128, 256, 1),
    conv(256, 128, 3) + 4 * residual(128, 32) + conv(128, 64, 4) + conv(64, 3, 4),
    (256, 32, 32),
)
for _name in VAE:
    NETS[_name] = (
        sum(conv(i, o, 3) + batchnorm(o) for i, o in ((1, 16), (16, 32), (32, 64))) + dense(1024, 24),
        dense(12, 1024)
        + batchnorm(64)
        + sum(conv(i, o, 3) + batchnorm(o) for i, o in ((64, 32), (32, 16)))
        + conv(16, 1, 3),
        (12, 1, 1),
    )
for _name in MINERL:
    NETS[_name] = (
        conv(3, 64, 4) + conv(64, 128, 4) + conv(128, 128, 3) + conv(128, 64, 3),
        conv(64, 128, 3) + conv(128, 128, 3) + conv(128, 64, 4) + conv(64, 3, 4),
        (64, 16, 16),
    )
for _name, _grid in ((V20, (384, 9, 16)), (V210, (384, 18, 32)), (V216, (384, 18, 32))):
    NETS[_name] = (
        conv(3, 128, 4) + residual(128, 128) + conv(128, 384, 4) + residual(384, 384),
        residual(384, 384) + conv(384, 128, 4) + residual(128, 128) + conv(128, 3, 4),
        _grid,
    )
for _name in (V201, V204):
    NETS[_name] = (
        sum(conv(i, o, 4) + residual(o, o) for i, o in ((3, 128), (128, 256), (256, 384))),
        sum(residual(i, i) + conv(i, o, 4) for i, o in ((384, 256), (256, 128), (128, 3))),
        (384, 9, 16),
    )


def parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("name", ALL)
def test_networks_have_the_published_shapes_and_sizes(name: str) -> None:
    spec: Any = spec_of(name)
    size, channels = spec.data.size, spec.data.channels
    bottleneck = spec.bottleneck.build()
    encoder = spec.encoder.build(size, channels, bottleneck.in_channels)
    decoder = spec.decoder.build(size, channels, bottleneck.dim, spec.encoder)
    encoder_parameters, decoder_parameters, latent = NETS[name]
    assert parameters(encoder) == encoder_parameters
    assert parameters(decoder) == decoder_parameters
    assert tuple(reversed(spec.encoder.grid(size))) == latent[1:]

    x = torch.rand(2, channels, size.height, size.width)
    with torch.no_grad():
        h = encoder.eval()(x)
        found = bottleneck.eval()(h)
        recon = decoder.eval()(found.z)
    assert h.shape[1] == bottleneck.in_channels
    assert found.z.shape == (2, *latent)
    assert recon.shape == x.shape
    if name in VAE:
        assert found.codes is None
        assert bottleneck.in_channels == 2 * latent[0]
    else:
        levels = TABLE[name].get("bottleneck.levels", 1)
        assert found.codes is not None
        assert found.codes.shape == (2, levels, *latent[1:])
        books = bottleneck.codebooks()
        assert [tuple(book.shape) for book in books] == [(TABLE[name]["bottleneck.codes"], latent[0])] * levels
        assert bottleneck.bits_per_position == levels * math.log2(TABLE[name]["bottleneck.codes"])
    if name == V210:
        assert recon.min() >= 0.5


# ---- schedules at points worked out by hand -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHARP)
def test_the_schedules_of_a_sharp_recipe_end_with_its_last_step(name: str) -> None:
    spec: Any = spec_of(name)
    steps, lr = spec.engine.steps, spec.optimizer.lr
    clock = Clock(100, ends=steps)
    assert lr.at(steps - 1, clock) == pytest.approx(lr.end, rel=0.05)
    assert lr.at(steps // 2, clock) > 10 * lr.end
    sharpness = spec.objective["sharpness"].weight
    late = {"p5-sharp": 7000, "p5-sharp-colour": 3900}[name]
    assert [sharpness.at(step, 100) for step in (0, late - 1, late, steps - 1)] == pytest.approx([0, 0, 0.09, 0.09])


def test_schedules_take_the_published_values() -> None:
    per_epoch = 50
    p5: Any = spec_of("p5-loops").objective["commitment"]
    for epoch, expected in ((0, 0.05), (15, 0.15), (30, 0.25), (199, 0.25)):
        assert p5.weight.at(epoch * per_epoch, per_epoch) == pytest.approx(expected)
    game: Any = spec_of(V216).objective["lpips"]
    for epoch, expected in ((0, 0), (1.98, 0), (2, 0.005), (4, 0.01), (58, 0.145), (60, 0.15), (79, 0.15)):
        assert game.weight.at(round(epoch * per_epoch), per_epoch) == pytest.approx(expected)
    grey: Any = spec_of(V210).objective["lpips"]
    for epoch, expected in ((0, 0), (4.98, 0), (5, 0.05), (10, 0.1)):
        assert grey.weight.at(round(epoch * per_epoch), per_epoch) == pytest.approx(expected)


# ---- what a reader of a recipe relies on ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_a_recipe_reads_well(name: str) -> None:
    spec, text = spec_of(name), recipe_text(name)
    assert spec.name == name
    assert 20 <= len(spec.about) <= 100
    assert "\n" not in spec.about
    assert max(len(line) for line in text.splitlines()) <= 125
    assert text.endswith("\n")
    assert not any(line != line.rstrip() for line in text.splitlines())
    # Every section states what the published values or our own choices are.
    assert text.count("#") >= 5


@pytest.mark.parametrize("name", ALL)
def test_a_recipe_survives_being_written_out(name: str) -> None:
    assert parse_spec(read_yaml(dump_yaml(spec_of(name)), name)) == spec_of(name)


BROUGHT = {"video", "hub", "sketches", "images"}
"""Sources whose images a person brings, or fetches."""


@pytest.mark.parametrize("name", ALL)
def test_recipes_for_data_that_a_person_brings_name_the_override(name: str) -> None:
    spec: Any = spec_of(name)
    assert ("data.path=FOLDER" in spec.note) == (spec.data.kind in BROUGHT)
    if spec.data.kind in BROUGHT:
        own: Any = load_spec(name, ["data.path=FOLDER"])
        assert (own.data.kind, own.data.path) == (spec.data.kind, "FOLDER")
        changed: Any = load_spec(name, ["data.kind=images", "data.path=FOLDER"])
        assert (changed.data.kind, changed.data.path) == ("images", "FOLDER")
        assert (changed.data.size, changed.data.channels) == (spec.data.size, spec.data.channels)
        assert changed.encoder == spec.encoder
    loops: Any = load_spec(name, ["data.kind=loops"])
    assert loops.data.size == spec.data.size


def test_variants_differ_in_what_they_are_about_and_in_nothing_else() -> None:
    assert differing("minerl-v1.0", "minerl-v1.0.1") == {"optimizer.clip_norm"}
    longer = {"engine.steps", "objective.sharpness.weight.every"}
    assert differing("p5-sharp", "p5-sharp-colour") == {"data.channels", "encoder.attention", *longer}
    for data in ("digits", "mnist"):
        for beta in ("0.1", "10"):
            assert differing(f"vae-{data}", f"vae-{data}-beta{beta}") == {"objective.kl.weight"}
    kinds = {"data.kind", "data.path", "data.url", "data.limit"}
    digits = {path for path in differing("rqvae-digits", "rqvae-mnist") if not path.startswith("bottleneck.revival")}
    assert digits - kinds == {"engine.epochs"}
    assert differing("vae-digits", "vae-mnist") - kinds == {"engine.epochs", "engine.batch_size"}
    changed = {path.partition(".lpips")[0] for path in differing(V201, V204)}
    assert changed == {"bottleneck.codes", "objective", "engine.batch_size", "engine.epochs"}
