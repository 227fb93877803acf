"""Self-attention over a feature map: what is the same all over an image need be carried by few of its tokens."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

HEAD_WIDTH = 32
"""Channels of a head, where the width can be divided so."""


class SelfAttention(nn.Module):
    """x + W_o softmax(q k^T / sqrt(d)) v over all h w positions, where q, k, v = W norm(x), and q and k have the norm sqrt(d).

    Heads of d = 32 channels; `norm` divides by the root mean square over channels. No positions: what is passed on does not
    depend on where it comes from. W_o starts at 0, so that the layer starts as the identity. Source: arXiv 2012.09841, section
    3.1 (attention at the lowest resolution); the norms of q and k are of arXiv 2302.05442, equation 2, without its scale.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = next(count for count in range(max(1, width // HEAD_WIDTH), 0, -1) if width % count == 0)
        self.norm = nn.RMSNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> the same shape."""
        batch, width, height, across = x.shape
        flat = self.norm(x.flatten(2).transpose(1, 2))  # (B, h w, C)
        qkv = self.qkv(flat).view(batch, height * across, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # (B, heads, h w, d) each
        q, k = (functional.rms_norm(one, one.shape[-1:]) for one in (q, k))
        mixed = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        found: Tensor = x + self.out(mixed).transpose(1, 2).view(batch, width, height, across)
        return found
