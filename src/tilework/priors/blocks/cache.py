"""Keys and values of the tokens so far, so that the next token costs one token's work."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from tilework.priors.blocks.attention import Mix


class Cache:
    """Room for `length` tokens in each of `layers` attentions. Add tokens in order; `advance` when every layer has them."""

    def __init__(self, layers: int, batch: int, heads: int, length: int, head_dim: int, like: Tensor) -> None:
        self.room = torch.empty(layers, 2, batch, heads, length, head_dim, dtype=like.dtype, device=like.device)
        self.start = 0

    def mix(self, layer: int, first: int = 0) -> Mix:
        """The attention of one layer: new tokens see those that are kept, from `first` on, and each other as in a sentence."""

        def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            stop = self.start + k.shape[2]
            self.room[layer, 0, :, :, self.start : stop] = k
            self.room[layer, 1, :, :, self.start : stop] = v
            keys, values = self.room[layer, :, :, :, first:stop]
            q = q.to(keys.dtype)
            if q.shape[2] == 1:
                return F.scaled_dot_product_attention(q, keys, values)
            if self.start == first:
                return F.scaled_dot_product_attention(q, keys, values, is_causal=True)
            seen = torch.ones(q.shape[2], stop - first, dtype=torch.bool, device=q.device).tril(self.start - first)
            return F.scaled_dot_product_attention(q, keys, values, attn_mask=seen)

        return attend

    def advance(self, tokens: int) -> None:
        """`tokens` more are in every layer."""
        self.start += tokens
