"""Causal attention that reaches a few frames back: of a long clip, all with all would cost the square of its tokens."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from tilework.priors.blocks.attention import Mix


def frames_before(grid: int, back: int) -> Mix:
    """Each of `grid` positions of a frame sees those before it in its frame, and all of the `back` frames before.

    What lies further back reaches it through the blocks below, `back` frames for each.
    """

    seen: Tensor | None = None

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        nonlocal seen
        batch, heads, length, channels = q.shape
        frames = length // grid

        def by_frame(x: Tensor) -> Tensor:
            """(B, heads, T x P, D) -> (B, T, heads, P, D)."""
            return x.view(batch, heads, frames, grid, channels).transpose(1, 2)

        def with_earlier(x: Tensor) -> Tensor:
            """(B, heads, T x P, D) -> (B x T, heads, (back + 1) x P, D): frames t - back to t, zeros before the first."""
            padded = F.pad(by_frame(x), (0, 0, 0, 0, 0, 0, back, 0))
            return torch.cat([padded[:, n : n + frames] for n in range(back + 1)], dim=3).flatten(0, 1)

        if seen is None:  # the same for all blocks
            seen = _seen(frames, grid, back, q.device).repeat(batch, 1, 1, 1)
        found = F.scaled_dot_product_attention(
            by_frame(q).flatten(0, 1), with_earlier(k), with_earlier(v), attn_mask=seen
        )
        return found.view(batch, frames, heads, grid, channels).transpose(1, 2).flatten(2, 3)

    return attend


def _seen(frames: int, grid: int, back: int, device: torch.device) -> Tensor:
    """(T, 1, P, (back + 1) x P) bool."""
    own = torch.ones(grid, grid, dtype=torch.bool, device=device).tril()
    earlier = torch.ones(grid, back * grid, dtype=torch.bool, device=device)
    whole = torch.cat([earlier, own], dim=1)
    # Before the first frame there is nothing.
    frame = torch.arange(frames, device=device)[:, None] - back + torch.arange(back + 1, device=device)
    there = (frame >= 0).repeat_interleave(grid, 1)
    return (whole & there[:, None]).unsqueeze(1)
