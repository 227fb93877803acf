"""Where images are smooth: sky, walls, paper. What a decoder prints there, it made up."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tilework.engine.probing.contract import LEVELS
from tilework.engine.probing.grid import TokenGrid, level
from tilework.objective.fine.laplacian import laplacian

SMOOTH = 2.0 / LEVELS
"""Root mean square of what a window has beside its mean and its slope, up to which it is smooth: as rounding and JPEG leave
it."""
MOST = 4096
"""Windows that are looked at."""
_OF_NOISE = 20**0.5
"""The root mean square of the Laplacian of white noise of spread 1 (4 squared and four times 1)."""


@dataclass(frozen=True, eq=False)
class SmoothAreas:
    """Windows of 3 x 3 tokens in which images are smooth, with what was made of them: (N, C, h, w) each."""

    x: Tensor
    recon: Tensor
    windows: int
    """How many windows were looked at."""
    rough: float
    """The typical strength of fine detail in all other windows of the images; 0 where there are none."""

    @classmethod
    def of(cls, grid: TokenGrid, x: Tensor, recon: Tensor) -> SmoothAreas:
        """Images and their reconstructions, (B, C, H, W) each."""
        cut, made = grid.windows(x, MOST), grid.windows(recon, MOST)
        smooth = level(cut).square().mean((1, 2, 3)).sqrt() <= SMOOTH
        rough = fine_detail(cut[~smooth])
        return cls(cut[smooth], made[smooth], len(cut), float(rough.median()) if len(rough) else 0.0)

    def __len__(self) -> int:
        return len(self.x)

    @property
    def share(self) -> float:
        """Smooth windows, of all."""
        return len(self) / max(1, self.windows)


def fine_detail(images: Tensor) -> Tensor:
    """How strong fine detail of images (N, C, h, w) is, (N,): the root mean square of the Laplacian, on the scale of white
    noise: 1 for noise of spread 1."""
    return laplacian(images).square().mean((1, 2, 3)).sqrt() / _OF_NOISE


def colours(x: Tensor, grid: TokenGrid, most: int) -> Tensor:
    """Colours (n, C) of the smooth windows of images (B, C, H, W), dark to bright, evenly over them; none where nothing is
    smooth."""
    cut = grid.windows(x, MOST)
    own = cut.mean((2, 3))[level(cut).square().mean((1, 2, 3)).sqrt() <= SMOOTH]
    if not len(own):
        return own
    own = own[own.mean(1).argsort()]
    spread = torch.linspace(0, len(own) - 1, most, device=own.device).round().long()
    found: Tensor = torch.unique(own[spread], dim=0)
    return found
