"""Whether the decoder can give every value that the images have."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from tilework.engine.autoencoder.model import Autoencoder
from tilework.engine.preflight import contract
from tilework.engine.preflight.bench import Bench
from tilework.runs.preflight import Result
from tilework.spec import AutoencoderSpec

DRIVEN = 1000.0
"""The last layer's weights are multiplied by this, and by twice this: what is bounded stays where it is."""
TOLERANCE = 0.02
MOST_UNREACHABLE = 0.01
"""Share of the batch's pixels that may lie outside of what the decoder can give."""
BEYOND = 0.25
"""How far a bounded output may reach beyond [0, 1]."""


class Check(contract.Check):
    """The weights of a copy's last layer are multiplied by a thousand, and by minus a thousand: the largest and the smallest
    value that comes out then is what the decoder can reach at all, before it has learnt anything.

    Pixels of the batch outside of that range can never be drawn, and with more than 1 % of them the check fails: a ReLU in
    front of the sigmoid keeps every pixel above one half, and images are grey. An output that is bounded far beyond the range
    of images, [0, 1], is a warning: a tanh of [-1, 1] for images of [0, 1].
    """

    tasks = ("autoencoder",)
    order = 20

    def run(self, bench: Bench) -> Result:
        x = bench.pace.few.images
        found = _reach(cast(Autoencoder, bench.base.model), x)
        outside = ((x < found.low - TOLERANCE) | (x > found.high + TOLERANCE)).float().mean()
        values = {
            "low": found.low,
            "high": found.high,
            "bounded": float(found.bounded),
            "data_low": float(x.min()),
            "data_high": float(x.max()),
            "unreachable": float(outside),
        }
        if values["unreachable"] > MOST_UNREACHABLE:
            return self.failed("unreachable", values, changes=_changes(cast(AutoencoderSpec, bench.spec)))
        if found.bounded and (found.low < -BEYOND or found.high > 1 + BEYOND):
            return self.warning("wider", values, changes=_changes(cast(AutoencoderSpec, bench.spec)))
        return self.passed(values)


@dataclass(frozen=True)
class Reach:
    """The values that a decoder can give."""

    low: float
    high: float
    bounded: bool


@torch.no_grad()
def _reach(model: Autoencoder, x: Tensor) -> Reach:
    """What a decoder can give, found by driving its last layer. `model` stays as it is."""
    model = copy.deepcopy(model)
    z = model(x)[1].z
    last = _last_layer(model.decoder, z)
    if last is None:
        out = model.decoder(z).float()
        return Reach(float(out.min()), float(out.max()), True)
    kept = {name: parameter.clone() for name, parameter in last.named_parameters(recurse=False)}
    extremes = []
    for strength in (DRIVEN, 2 * DRIVEN):
        outputs = []
        for sign in (1, -1):
            for name, parameter in last.named_parameters(recurse=False):
                parameter.copy_(kept[name] * strength * sign)
            outputs.append(model.decoder(z).float())
        extremes.append((min(float(o.min()) for o in outputs), max(float(o.max()) for o in outputs)))
    (low, high), (low_twice, high_twice) = extremes
    bounded = abs(low_twice - low) + abs(high_twice - high) < 0.1 * max(1.0, abs(low) + abs(high))
    return Reach(low_twice, high_twice, bounded)


def _last_layer(decoder: nn.Module, z: Tensor) -> nn.Module | None:
    """Of the layers that have weights the one that is computed last."""
    called: list[nn.Module] = []
    weighted = [m for m in decoder.modules() if any(p.ndim >= 2 for p in m.parameters(recurse=False))]
    hooks = [m.register_forward_hook(lambda module, *_: called.append(module)) for m in weighted]
    try:
        decoder(z)
    finally:
        for hook in hooks:
            hook.remove()
    return called[-1] if called else None


def _changes(spec: AutoencoderSpec) -> dict[str, Any]:
    if getattr(spec.decoder, "final_relu", False):
        return {"decoder.final_relu": False}
    return {"decoder.output": "sigmoid"} if getattr(spec.decoder, "output", "sigmoid") != "sigmoid" else {}
