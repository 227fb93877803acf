"""A small causal transformer over the levels of a position (RQ-Transformer, arXiv 2203.01941, equations 9 and 10)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tilework.priors.blocks.attention import everything_before
from tilework.priors.blocks.block import Block
from tilework.priors.blocks.settings import TransformerConfig


class Levels(nn.Module):
    """Input 1 is what the main transformer gives for the position, input q the sum of the vectors of levels 1 to q -
    1."""

    def __init__(self, config: TransformerConfig, levels: int, depth: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(config) for _ in range(depth))
        self.places = nn.Parameter(torch.randn(levels, config.width) * 0.02)

    def forward(self, hidden: Tensor, vectors: Tensor) -> Tensor:
        """Hidden (B, P, C) and the vectors of the codes (B, P, Q, C) -> (B, P, Q, C), level q blind to itself and later ones."""
        return self._levels(hidden, vectors[:, :, :-1])

    def one(self, hidden: Tensor, before: Tensor) -> Tensor:
        """The same for the level that comes after the vectors `before` (B, P, q, C): (B, P, C)."""
        return self._levels(hidden, before)[:, :, -1]

    def _levels(self, hidden: Tensor, before: Tensor) -> Tensor:
        batch, places = hidden.shape[:2]
        x = torch.cat([hidden.unsqueeze(2), before.cumsum(2)], dim=2).flatten(0, 1)
        x = x + self.places[: x.shape[1]]
        for block in self.blocks:
            x = block(x, everything_before, None)
        return x.view(batch, places, *x.shape[1:])
