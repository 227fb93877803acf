"""The trained model as pure modules: the same bits as evaluation mode, and a graph that torch can export."""

from __future__ import annotations

import operator
from typing import Any

import pytest
import torch
from shipped import AUTOENCODERS
from torch import nn

from tilework.engine.autoencoder.model import Autoencoder, build_model, source_of
from tilework.inference import DecodeCodes, DecodeZ, Encode
from tilework.spec import BLOCKS, RunSpec, load_spec

# Small enough that the code search takes the same products in an exported graph as outside of one: equal to the last bit.
CODES = "bottleneck.codes=8"


def recipes() -> dict[str, RunSpec]:
    """Every shipped recipe that differs from the others in its network, with thin feature maps and few codes."""
    found: dict[str, RunSpec] = {}
    for name in AUTOENCODERS:
        spec = load_spec(name, ())
        thin = [max(4, width // 16) for width in spec.encoder.widths]
        overrides = [f"encoder.widths={thin}"]
        if spec.encoder.residual_width:
            overrides.append("encoder.residual_width=4")
        if spec.encoder.dense:
            overrides.append("encoder.dense=[16]")
        if "codes" in type(spec.bottleneck).model_fields:
            overrides.append(CODES)
            if spec.encoder.projection == "none":
                overrides.append(f"bottleneck.dim={thin[-1]}")
        spec = load_spec(name, overrides)
        net = (spec.encoder, spec.decoder, spec.bottleneck, source_of(spec).size, source_of(spec).channels)
        found.setdefault(repr(net), spec)
    return {spec.name: spec for spec in found.values()}


BASE = ("data.size=18x12", "data.channels=3", "encoder.widths=[4,6]", "encoder.kernel=4", "encoder.dense=null")
VARIANTS = {
    "resize, tanh, group norm": ("decoder.upsample=resize", "decoder.output=tanh", "encoder.norm=group"),
    "odd sides": ("data.size=19x13", "encoder.kernel=3", "bottleneck.levels=3", "bottleneck.shared=true"),
    "batch norm at each, linear": ("encoder.norm=batch", "decoder.output=linear", "encoder.middle=1"),
    "a vector": ("encoder.dense=[5]", "encoder.activation=silu", "decoder.final_relu=true"),
    "no projection": ("encoder.projection=none", "bottleneck.dim=6", "encoder.activation=gelu"),
    **{
        f"{kind} blocks": (f"encoder.block={kind}", "encoder.blocks=1", "encoder.tail_blocks=1")
        for kind in BLOCKS.kinds
    },
    "fsq": ("bottleneck={kind: fsq, levels: [5,4,3]}", "objective.codebook=null"),
    "lfq": ("bottleneck={kind: lfq, dim: 5}", "objective.codebook=null"),
    "none": ("bottleneck={kind: none, dim: 5}", "objective.codebook=null", "objective.commitment=null"),
    "cosine, searched in fewer dimensions": (
        "bottleneck={kind: vq, dim: 5, codes: 8, search_dim: 3, distance: cosine, codebook: ema}",
        "objective.codebook=null",
    ),
    "simvq, rotation": ("bottleneck={kind: vq, dim: 5, codes: 8, codebook: simvq, gradient: rotation}",),
}


def cases() -> dict[str, RunSpec]:
    own = {name: load_spec("rqvae-digits", (*BASE, CODES, *extra)) for name, extra in VARIANTS.items()}
    return own | recipes()


def parts(spec: RunSpec) -> set[tuple[object, ...]]:
    """What its network is built of; of numbers, whether they are there: the graph has the same nodes for any of them."""
    return {
        (part, name, value if isinstance(value, (str, bool)) else bool(value))
        for part in ("encoder", "decoder", "bottleneck")
        for name, value in getattr(spec, part)
    }


def first_of_each_part() -> list[Any]:
    """All cases; a recipe of which every part is also in a case before it is exported with `-m slow`."""
    seen: set[tuple[object, ...]] = set()
    found: list[Any] = []
    for name, spec in CASES.items():
        known = name not in VARIANTS and parts(spec) <= seen
        found.append(pytest.param(name, marks=[pytest.mark.slow] if known else []))
        seen |= parts(spec)
    return found


CASES = cases()


def made(spec: RunSpec) -> Autoencoder:
    """A model with statistics that are not the initial ones, as after training."""
    torch.manual_seed(0)
    model = build_model(spec).train()
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = 0.5
    if model.bottleneck.wants_start:
        h = model.encoder(images(spec, 8)).detach()
        points = h.permute(0, 2, 3, 1).reshape(-1, h.shape[1])
        model.bottleneck.start(points, torch.Generator().manual_seed(0))
    with torch.no_grad():
        model(images(spec, 4))
    return model.eval()


def images(spec: RunSpec, count: int) -> torch.Tensor:
    source = source_of(spec)
    shape = (count, source.channels, source.size.height, source.size.width)
    return torch.rand(shape, generator=torch.Generator().manual_seed(count))


@pytest.mark.parametrize("name", first_of_each_part())
def test_exported_with_any_batch_size_and_equal_to_evaluation_mode(name: str) -> None:
    spec = CASES[name]
    model = made(spec)
    encode, decode_z = Encode(model.encoder, model.bottleneck), DecodeZ(model.decoder)
    decode_codes = DecodeCodes(model.bottleneck, model.decoder)
    any_batch = ({0: torch.export.Dim("batch", min=1, max=1024)},)
    x = images(spec, 2)
    with torch.no_grad():
        codes, z = encode(x)
    # Gradients are on here, as a person who exports a model has them.
    inputs = [(encode, x), (decode_z, z), *([] if codes is None else [(decode_codes, codes)])]
    programs = [torch.export.export(module, (given,), dynamic_shapes=any_batch) for module, given in inputs]
    for program in programs:
        called = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
        assert {name for name in called if not name.startswith("aten.")} <= {str(operator.getitem)}
    encoded, from_z, *rest = [program.module() for program in programs]
    for count in (1, 2, 5):
        x = images(spec, count)
        with torch.no_grad():
            wanted, latent = model(x)
            for codes, z in (encode(x), encoded(x)):
                assert torch.equal(z, latent.z)
                assert (codes is None) == (latent.codes is None)
                assert codes is None or torch.equal(codes, latent.codes)
            for recon in (decode_z(latent.z), from_z(latent.z)):
                assert torch.equal(recon, wanted)
            for from_codes in (decode_codes, *rest) if rest else ():
                assert torch.equal(from_codes(latent.codes), wanted)


def test_with_gradients_the_same_numbers_come_out() -> None:
    spec = CASES["odd sides"]
    model = made(spec)
    x = images(spec, 3)
    encode, decode = Encode(model.encoder, model.bottleneck), DecodeZ(model.decoder)
    recon = decode(encode(x)[1])
    assert recon.requires_grad
    with torch.no_grad():
        assert torch.equal(decode(encode(x)[1]), recon)


def test_no_value_is_refused() -> None:
    """NaN, infinity and pixels of another range go through: checking is for whoever takes them in."""
    model = made(CASES["odd sides"])
    encode = Encode(model.encoder, model.bottleneck)
    x = images(CASES["odd sides"], 3)
    x[0], x[1] = float("nan"), float("inf")
    with torch.no_grad():
        codes, z = encode(x)
        alone = encode(x[2:])
    assert torch.equal(codes[2:], alone[0])
    assert torch.equal(z[2:], alone[1])
    assert ((codes >= 0) & (codes < 8)).all()


def test_a_model_that_was_training_is_evaluated() -> None:
    spec = CASES["batch norm at each, linear"]
    model = made(spec).train()
    x = images(spec, 3)
    encode, decode = Encode(model.encoder, model.bottleneck), DecodeZ(model.decoder)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        decode(encode(x)[1])
        wanted, _ = model.eval()(x)
        assert torch.equal(decode(encode(x)[1]), wanted)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
