"""LPIPS with SqueezeNet in plain PyTorch modules: both images through the whole network, norms as published."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn


class Fire(nn.Module):
    """SqueezeNet's module: 1x1 squeeze, then 1x1 and 3x3 side by side."""

    def __init__(self, width: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(width, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.squeeze(x))
        return torch.cat([torch.relu(self.expand1x1(x)), torch.relu(self.expand3x3(x))], 1)


class PlainLPIPS(nn.Module):
    """Images (B, 3, H, W) in [-1, 1] -> distance of each pair (B,). `weights`: an .npz of `features.*` and `lin*.weight`."""

    def __init__(self, weights: str) -> None:
        super().__init__()
        pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.features = nn.Sequential(
            *(nn.Conv2d(3, 64, 3, 2), nn.ReLU(), pool, Fire(64, 16, 64), Fire(128, 16, 64), pool),
            *(Fire(128, 32, 128), Fire(256, 32, 128), pool, Fire(256, 48, 192), Fire(384, 48, 192)),
            *(Fire(384, 64, 256), Fire(512, 64, 256)),
        )
        self.taps = (1, 4, 7, 9, 10, 11, 12)
        with np.load(weights, allow_pickle=False) as archive:
            stored = {name: torch.from_numpy(archive[name]).float() for name in archive.files}
        self.features.load_state_dict(
            {name.removeprefix("features."): value for name, value in stored.items() if name.startswith("features.")}
        )
        self.lins = [stored[f"lin{level}.weight"] for level in range(len(self.taps))]
        self.shift = torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1)
        self.scale = torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1)
        self.requires_grad_(False)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        total = torch.zeros(len(x))
        for a, b, lin in zip(self._taps(x), self._taps(y), self.lins, strict=True):
            total = total + ((a - b) ** 2 * lin).sum(1).mean((1, 2))
        return total

    def _taps(self, x: Tensor) -> list[Tensor]:
        x = (x - self.shift) / self.scale
        found = []
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in self.taps:
                found.append(x / (x.square().sum(1, keepdim=True) + 1e-10).sqrt())
        return found
