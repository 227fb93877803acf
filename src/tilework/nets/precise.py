"""A network whose layer beside the latent computes in float32, whatever autocast is set to.

bf16 has eight bits of precision: latents that come out of it, or go into it, lie on a visible lattice, and it would quantise what
the quantiser should.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor, nn

Side = Literal["first", "last"]


class Precise(nn.Sequential):
    """Layers one after another; the one that `beside` names is never autocast.

    In an encoder it is the last layer with weights, in a decoder the first. What follows it goes on under autocast, so the cost
    is that of one layer at the resolution of the latent. A part of it (`net[:3]`) follows autocast.
    """

    beside: str = ""
    """Name of that layer; "" where no layer has weights."""

    def forward(self, x: Tensor) -> Tensor:
        """The output of the last layer."""
        for name, layer in self.named_children():
            x = self._exactly(layer, x) if name == self.beside else layer(x)
        return x

    @staticmethod
    def _exactly(layer: nn.Module, x: Tensor) -> Tensor:
        found: Tensor
        if not torch.is_autocast_enabled(x.device.type):
            found = layer(x)
            return found
        with torch.autocast(x.device.type, enabled=False):
            found = layer(x.to(next(layer.parameters()).dtype))
        return found


def precise(layers: Iterable[tuple[str, nn.Module]], side: Side) -> Precise:
    """The layers as one module, each under its name; the first or the last with weights is the one beside the latent."""
    named = OrderedDict(layers)
    weighted = [name for name, layer in named.items() if next(layer.parameters(), None) is not None]
    net = Precise(named)
    if weighted:
        net.beside = weighted[0 if side == "first" else -1]
    return net
