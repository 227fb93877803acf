"""A network stage by stage, asked of the modules themselves: each is run once on a blank image.

Any module will do: its direct children are its stages, whatever they are. Neither weights nor the random state are touched, and
products are counted and not computed (operations.py).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn

from tilework.explain.facts.network import Weights
from tilework.explain.reach import Follow, Found

_LARGE = 2**22
"""Numbers of an image."""


@dataclass(frozen=True)
class Call:
    """One child of a network, called once."""

    name: str
    layer: nn.Module
    shape: tuple[int, ...]
    """What it gives, without the batch."""
    parameters: int
    multiply_adds: int
    reach: Found | None
    weights: tuple[Weights, ...] = ()


def traced(network: nn.Module, shape: tuple[int, ...], *, sees: bool) -> list[Call]:
    """The children of `network` in the order in which they are called for one input of `shape` (C, H, W).

    `sees`: fields are those of the input that a position sees; else those of the output that a position of the input paints.
    A network without children is one call of its own.
    """
    # Feature maps of images this large would fill the memory; without any, torch is slower to begin.
    device = "meta" if math.prod(shape) > _LARGE else "cpu"
    own = copy.deepcopy(network).to(device).eval()
    _plainly(own)
    dtype = next((p.dtype for p in own.parameters() if p.is_floating_point()), torch.float32)
    start = torch.zeros((1, *shape), dtype=dtype, device=device)
    follow, calls = Follow(start, sees=sees), list[Call]()
    counted: set[int] = set()

    def note(name: str, layer: nn.Module, out: Any) -> None:
        given = out if isinstance(out, Tensor) else next(iter(out))
        new = [p for p in layer.parameters() if id(p) not in counted]
        counted.update(map(id, new))
        calls.append(
            Call(
                name,
                layer,
                tuple(given.shape[1:]),
                sum(p.numel() for p in new if p.requires_grad),
                follow.multiply_adds - sum(call.multiply_adds for call in calls),
                follow.of(given),
                tuple(weights_in(layer)),
            )
        )

    def hook(name: str) -> Any:
        return lambda layer, _, out: note(name, layer, out)

    for name, child in list(own.named_children()) or [("", own)]:
        child.register_forward_hook(hook(name))
    with torch.no_grad(), follow:
        own(start)
    return calls


def _plainly(network: nn.Module) -> None:
    """Transposed convolutions as torch has them: one that computes the same in another way is counted as what it is."""
    for layer in network.modules():
        if isinstance(layer, nn.ConvTranspose2d):
            layer.forward = MethodType(nn.ConvTranspose2d.forward, layer)  # type: ignore[method-assign]


def weights_in(layer: nn.Module) -> Iterator[Weights]:
    """The convolutions and dense layers of a module, in their order."""
    for one in layer.modules():
        if isinstance(one, nn.Linear):
            yield Weights("dense", one.in_features, one.out_features)
        elif isinstance(one, nn.Conv2d | nn.ConvTranspose2d):
            kind = "transposed" if isinstance(one, nn.ConvTranspose2d) else "conv"
            kernel, stride = (tuple(map(int, side)) for side in (one.kernel_size, one.stride))
            yield Weights(kind, one.in_channels, one.out_channels, kernel, stride)  # type: ignore[arg-type]


def fixed(layer: nn.Module) -> bool:
    """Whether a layer follows another one and belongs to it: an activation, a norm, dropout."""
    home, _, file = type(layer).__module__.rpartition(".")
    return home == "torch.nn.modules" and file in {"activation", "batchnorm", "normalization", "dropout"}
