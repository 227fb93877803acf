"""Where on the grid a token is, as a vector that is added to it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from tilework.priors.blocks.settings import Positions


class GridPositions(nn.Module):
    """() -> (h x w, C), in raster order."""

    waves: Tensor

    def __init__(self, kind: Positions, height: int, width: int, channels: int) -> None:
        super().__init__()
        self.kind, self.height, self.width = kind, height, width
        if kind == "axial":
            self.rows = nn.Parameter(torch.randn(height, 1, channels) * 0.02)
            self.columns = nn.Parameter(torch.randn(1, width, channels) * 0.02)
        elif kind == "grid":
            self.table = nn.Parameter(torch.randn(height * width, channels) * 0.02)
        else:
            self.register_buffer("waves", sinusoidal(height, width, channels), persistent=False)
            self.scale = nn.Parameter(torch.tensor(0.1))

    def forward(self) -> Tensor:
        if self.kind == "axial":
            return (self.rows + self.columns).flatten(0, 1)
        return self.table if self.kind == "grid" else self.waves * self.scale


def sinusoidal(height: int, width: int, channels: int) -> Tensor:
    """(h x w, C) float32: sines and cosines of the row, then of the column (arXiv 1706.03762, section 3.5)."""
    rows, columns = _waves(height, channels // 2), _waves(width, channels - channels // 2)
    both = torch.cat([rows[:, None].expand(-1, width, -1), columns[None].expand(height, -1, -1)], dim=-1)
    return both.flatten(0, 1)


def _waves(length: int, channels: int) -> Tensor:
    rates = torch.exp(-math.log(1000.0) * torch.arange((channels + 1) // 2, device="cpu") / max(1, channels // 2))
    angle = torch.arange(length, device="cpu")[:, None] * rates
    return torch.cat([angle.sin(), angle.cos()], dim=-1)[:, :channels]
