"""The stages of an autoencoder, from the image to its reconstruction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import nn

from tilework.bottlenecks.contract import Bottleneck, BottleneckConfig
from tilework.engine.autoencoder.model import source_of
from tilework.engine.describe import parameter_count
from tilework.explain.facts.network import Area, Kind, Network, Part, Side, Stage
from tilework.explain.reach import Found, Reach
from tilework.explain.trace import Call, fixed, traced
from tilework.nets import DecoderConfig, EncoderConfig
from tilework.spec import AutoencoderSpec, Size


@dataclass(frozen=True)
class Measured:
    """The network of a spec, with what is asked of its bottleneck and what its latent sees and paints."""

    network: Network
    bottleneck: Bottleneck
    grid: Size
    sees: Found | None
    """What a position of the latent sees of the image."""
    paints: Found | None
    """What it paints of the output."""


def measured(spec: AutoencoderSpec) -> Measured:
    """Build the model of a spec and ask it. Raises UserError for a spec whose parts do not fit each other."""
    source = source_of(spec)
    encoder, decoder = cast(EncoderConfig, spec.encoder), cast(DecoderConfig, spec.decoder)
    grid = encoder.grid(source.size)
    with torch.random.fork_rng(devices=[]):
        bottleneck = cast(BottleneckConfig, spec.bottleneck).build()
        nets = (
            encoder.build(source.size, source.channels, bottleneck.in_channels),
            decoder.build(source.size, source.channels, bottleneck.dim, encoder),
        )
    image = (source.channels, source.size.height, source.size.width)
    latent = (bottleneck.dim, grid.height, grid.width)
    down, up = traced(nets[0], image, sees=True), traced(nets[1], latent, sees=False)
    encoded, decoded = _stages(Side.ENCODER, down, image), _stages(Side.DECODER, up, latent)
    kind = spec.bottleneck.kind
    parts = (
        Part("encoder", parameter_count(nets[0]), sum(call.multiply_adds for call in down)),
        Part("bottleneck", parameter_count(bottleneck), search_operations(bottleneck, grid)),
        Part("decoder", parameter_count(nets[1]), sum(call.multiply_adds for call in up)),
    )
    stages = (
        Stage(Side.IMAGE, "image", Kind.IMAGE, "", image, sees=Area(1, 1)),
        *encoded,
        Stage(
            Side.LATENT, "bottleneck", Kind.LATENT, kind, latent, parts[1].parameters, parts[1].multiply_adds,
            sees=encoded[-1].sees if encoded else None,
        ),
        *decoded,
    )  # fmt: skip
    output = str(getattr(spec.decoder, "output", ""))
    network = Network(stages, parts, output, bool(getattr(spec.decoder, "final_relu", False)))
    return Measured(network, bottleneck, grid, down[-1].reach, up[-1].reach)


def search_operations(bottleneck: Bottleneck, grid: Size) -> int:
    """Multiply-adds of the bottleneck for one image: each position against every code of each level, and its linear layers."""
    positions = grid.width * grid.height
    searched = sum(book.shape[0] * book.shape[1] for book in bottleneck.codebooks())
    linear = sum(one.in_features * one.out_features for one in bottleneck.modules() if isinstance(one, nn.Linear))
    return positions * (searched + linear)


def _stages(side: Side, calls: Iterable[Call], given: tuple[int, ...]) -> tuple[Stage, ...]:
    """One stage for each call that computes something; activations, norms and reshapes belong to the stage before them."""
    stages: list[Stage] = []
    for call in calls:
        stage = stages[-1] if stages else None
        if stage is not None and (fixed(call.layer) or not (call.parameters or call.multiply_adds)):
            stages[-1] = _followed(stage, call)
        elif fixed(call.layer) or (not call.parameters and _same_numbers(call.shape, given)):
            continue  # a reshape in front of everything
        else:
            name = f"{side}.{call.name}" if call.name else str(side)
            stages.append(
                Stage(
                    side,
                    name,
                    _kind(call, given),
                    type(call.layer).__name__,
                    call.shape,
                    call.parameters,
                    call.multiply_adds,
                    call.weights,
                    sees=_area(call.reach) if side is Side.ENCODER else None,
                )
            )
        given = call.shape
    return tuple(stages)


def _followed(stage: Stage, call: Call) -> Stage:
    """A stage with what follows it. A vector that becomes a map is shown as the map, a map that is flattened stays one."""
    shape = stage.shape if len(call.shape) < len(stage.shape) else call.shape
    reshaped = call.shape != stage.shape and _same_numbers(call.shape, stage.shape)
    return replace(
        stage,
        shape=shape,
        parameters=stage.parameters + call.parameters,
        multiply_adds=stage.multiply_adds + call.multiply_adds,
        then=stage.then if reshaped else (*stage.then, type(call.layer).__name__),
    )


def _same_numbers(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    return _product(a) == _product(b)


def _product(shape: tuple[int, ...]) -> int:
    found = 1
    for side in shape:
        found *= side
    return found


def _kind(call: Call, given: tuple[int, ...]) -> Kind:
    if len(call.shape) == 3 and len(given) == 3 and call.shape[1:] != given[1:]:
        return Kind.DOWN if call.shape[1] * call.shape[2] < given[1] * given[2] else Kind.UP
    if isinstance(call.layer, nn.Linear):
        return Kind.DENSE
    if isinstance(call.layer, nn.Conv2d | nn.ConvTranspose2d):
        return Kind.CONVOLUTION
    return Kind.BLOCK if call.weights else Kind.OTHER


def _area(found: Found | None) -> Area | None:
    return Area(found.columns.size, found.rows.size) if isinstance(found, Reach) else None
