"""A network layer by layer: names, shapes and parameter counts, without computing anything."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class Layer:
    """One layer: its name, the shape that it gives (without the batch) and how many parameters it has."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int


def describe(module: nn.Sequential, shape: tuple[int, ...]) -> list[Layer]:
    """The layers of an encoder or decoder fed with `shape` (C, H, W), in order.

    Works on a copy without memory (torch's meta device): neither weights nor the random state are touched.
    """
    empty = copy.deepcopy(module).to("meta").eval()
    x = torch.empty((1, *shape), device="meta")
    layers = []
    with torch.no_grad():
        for name, layer in empty.named_children():
            x = layer(x)
            parameters = sum(p.numel() for p in layer.parameters())
            layers.append(Layer(name, type(layer).__name__, tuple(x.shape[1:]), parameters))
    return layers
