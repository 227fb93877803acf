"""Pre-norm transformer blocks whose branches start as nothing: over all tokens, or over space and then over time."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tilework.priors.blocks.attention import Attention, Mix, at, everything
from tilework.priors.blocks.rotary import Turn
from tilework.priors.blocks.settings import TransformerConfig


class Branch(nn.Module):
    """Dropout of what a branch adds; `share` may be set while it runs."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.share, self.training) if self.share else x


class MLP(nn.Module):
    """(..., C) -> the same shape. SwiGLU has two thirds of the hidden channels, and so as many weights as GELU."""

    def __init__(self, width: int, ratio: float, gated: bool) -> None:
        super().__init__()
        self.gated = gated
        hidden = max(1, round(width * ratio * (2 / 3 if gated else 1)))
        if gated and hidden > 8:
            hidden = 8 * round(hidden / 8)
        self.into = nn.Linear(width, 2 * hidden if gated else hidden)
        self.out = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.into(x)
        if self.gated:
            gate, value = hidden.chunk(2, dim=-1)
            hidden = F.silu(gate) * value
        elif hidden.requires_grad:
            hidden = F.gelu(hidden)
        else:  # in place: memory that is asked for anew costs as much as the function
            hidden = torch.ops.aten.gelu_(hidden)
        out: Tensor = self.out(hidden)
        return out


class Block(nn.Module):
    """x + attention(norm(x)), then x + MLP(norm(x)); (B, N, C) -> the same shape."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.width)
        self.attention = Attention(config.width, config.heads)
        self.norm2 = nn.LayerNorm(config.width)
        self.mlp = MLP(config.width, config.mlp_ratio, config.mlp == "swiglu")
        self.drop = Branch(config.dropout)

    def forward(self, x: Tensor, mix: Mix, turn: Turn | None, only: Tensor | None = None) -> Tensor:
        """With `only` (B, n), places of tokens: those alone, (B, n, C), from all."""
        found = self.drop(self.attention(self.norm1(x), mix, turn, only))
        x = (x if only is None else at(x, only)) + found
        out: Tensor = x + self.drop(self.mlp(self.norm2(x)))
        return out


class SpaceTimeBlock(nn.Module):
    """Attention within each frame, then over the frames at each position, then the MLP; (B, T, P, C) -> the same shape.

    T x P tokens cost T P^2 + P T^2 products where all with all cost (T P)^2: for 180 frames of 64 positions 47 times fewer.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.norm_space = nn.LayerNorm(config.width)
        self.space = Attention(config.width, config.heads)
        self.norm_time = nn.LayerNorm(config.width)
        self.time = Attention(config.width, config.heads)
        self.norm_mlp = nn.LayerNorm(config.width)
        self.mlp = MLP(config.width, config.mlp_ratio, config.mlp == "swiglu")
        self.drop = Branch(config.dropout)

    def forward(self, x: Tensor, turn: Turn | None) -> Tensor:
        batch, frames = x.shape[:2]
        within = self.space(self.norm_space(x).flatten(0, 1), everything)
        x = x + self.drop(within.unflatten(0, (batch, frames)))
        over = self.time(self.norm_time(x).transpose(1, 2).flatten(0, 1), everything, turn)
        x = x + self.drop(over.unflatten(0, (batch, -1)).transpose(1, 2))
        out: Tensor = x + self.drop(self.mlp(self.norm_mlp(x)))
        return out


def start_small(network: nn.Module, depth: int) -> None:
    """First weights: N(0, 0.02^2), biases 0, and what a branch adds smaller by sqrt(2 depth) (GPT-2)."""
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Linear | nn.Embedding) and layer.weight is not None:
            branch = name.endswith((".attention.out", ".space.out", ".time.out", ".mlp.out"))
            nn.init.normal_(layer.weight, std=0.02 / math.sqrt(2 * depth) if branch else 0.02)
            if isinstance(layer, nn.Linear) and layer.bias is not None:
                nn.init.zeros_(layer.bias)
