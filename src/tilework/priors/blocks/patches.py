"""Squares of tokens that share one position, as patches of an image do (arXiv 2010.11929): four times fewer positions at 2."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Patches(nn.Module):
    """Vectors of tokens (B, T x h x w, E) <-> of squares (B, T x cells, C); the last square of a row may reach over its end.

    With side 1 and as many channels both are what is given.
    """

    def __init__(self, side: int, height: int, width: int, inner: int, channels: int) -> None:
        """`inner`: E, the channels of a token; `channels`: C, those of a square."""
        super().__init__()
        self.side, self.height, self.width = side, height, width
        self.rows, self.columns = -(-height // side), -(-width // side)
        self.same = side == 1 and inner == channels
        if not self.same:
            self.join = nn.Linear(side * side * inner, channels)
            self.part = nn.Linear(channels, side * side * inner)

    def start(self) -> None:
        """First weights: what is parted is what was joined, as far as there is room."""
        if not self.same:
            nn.init.orthogonal_(self.join.weight)
            nn.init.zeros_(self.join.bias)
            nn.init.zeros_(self.part.bias)
            with torch.no_grad():
                self.part.weight.copy_(self.join.weight.T)

    @property
    def cells(self) -> int:
        """Squares of one frame."""
        return self.rows * self.columns

    def joined(self, x: Tensor) -> Tensor:
        """(B, T x h x w, E) -> (B, T x cells, C)."""
        if self.same:
            return x
        batch, side, channels = x.shape[0], self.side, x.shape[-1]
        x = x.view(-1, self.height, self.width, channels)
        x = F.pad(x, (0, 0, 0, self.columns * side - self.width, 0, self.rows * side - self.height))
        x = x.view(-1, self.rows, side, self.columns, side * channels).transpose(2, 3).flatten(3)
        out: Tensor = self.join(x)
        return out.view(batch, -1, out.shape[-1])

    def parted(self, x: Tensor) -> Tensor:
        """(B, T x cells, C) -> (B, T x h x w, E): of each square one vector for each of its tokens."""
        if self.same:
            return x
        batch, side = x.shape[0], self.side
        x = self.part(x)
        channels = x.shape[-1] // side**2
        x = x.view(-1, self.rows, self.columns, side, side * channels).transpose(2, 3)
        x = x.reshape(-1, self.rows * side, self.columns * side, channels)[:, : self.height, : self.width]
        return x.reshape(batch, -1, channels)
