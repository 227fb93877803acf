"""A GPT as most programs write it: float32, learned positions, AdamW as PyTorch's default runs it, sampling without a cache.

One product for queries, keys and values, and torch's causal attention, as in nanoGPT; nothing else is clever. The last row of the
code table is the token that every item starts with.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Block(nn.Module):
    """Pre-norm block."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        q, k, v = self.attn(self.ln1(x)).split(width, dim=2)
        q, k, v = (y.view(batch, length, self.heads, -1).transpose(1, 2) for y in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).contiguous().view(batch, length, width))
        return x + self.down(F.gelu(self.up(self.ln2(x))))


class PlainGPT(nn.Module):
    """Tokens (B, N) of K codes."""

    def __init__(self, codes: int, length: int, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.codes = codes
        self.wte, self.wpe = nn.Embedding(codes + 1, width), nn.Embedding(length, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, codes)

    def forward(self, tokens: Tensor) -> Tensor:
        """What follows the start and each of the tokens but the last, (B, N, K)."""
        start = torch.full((tokens.shape[0], 1), self.codes)
        return self.logits(torch.cat([start, tokens[:, :-1]], dim=1))

    def logits(self, inputs: Tensor) -> Tensor:
        """Inputs (B, n), which begin with the start -> (B, n, K)."""
        x = self.wte(inputs) + self.wpe(torch.arange(inputs.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))

    def loss(self, tokens: Tensor) -> Tensor:
        """Mean nats per token."""
        return F.cross_entropy(self(tokens).flatten(0, 1), tokens.flatten())

    @torch.no_grad()
    def generate(self, batch: int, length: int) -> Tensor:
        """New tokens (B, length), everything computed again for each."""
        inputs = torch.full((batch, 1), self.codes)
        for _ in range(length):
            chance = self.logits(inputs)[:, -1].softmax(-1)
            inputs = torch.cat([inputs, torch.multinomial(chance, 1)], dim=1)
        return inputs[:, 1:]
