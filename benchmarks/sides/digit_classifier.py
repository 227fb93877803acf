"""A small classifier of MNIST digits: judges what priors draw, by its answers and by its features."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

Images = NDArray[np.uint8]
"""(N, 28, 28, 1)."""


class DigitClassifier(nn.Module):
    """(B, 1, 28, 28) in [0, 1] -> 10 logits; `features` is the layer before them, 64 numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(64 * 49, 64), nn.ReLU(),
        )  # fmt: skip
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.head(self.body(x))
        return found


def fitted(images: Images, labels: NDArray[np.int64], epochs: int, seed: int = 0) -> DigitClassifier:
    """Trained on images by Adam with batches of 128."""
    torch.manual_seed(seed)
    model = DigitClassifier()
    steps = epochs * (len(images) // 128)
    optimizer = torch.optim.Adam(model.parameters(), 2e-3, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=max(2, steps))
    targets = torch.from_numpy(labels)
    for _ in range(epochs):
        for chosen in torch.randperm(len(images))[: len(images) // 128 * 128].split(128):
            loss = F.cross_entropy(model(_pixels(images[chosen.numpy()])), targets[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


@torch.no_grad()
def answers(model: DigitClassifier, images: Images) -> NDArray[np.int64]:
    """The likeliest digit of each image."""
    parts = [model(_pixels(images[n : n + 500])).argmax(1) for n in range(0, len(images), 500)]
    found: NDArray[np.int64] = torch.cat(parts).numpy()
    return found


@torch.no_grad()
def features(model: DigitClassifier, images: Images) -> NDArray[np.float32]:
    """(N, 64)."""
    parts = [model.body(_pixels(images[n : n + 500])) for n in range(0, len(images), 500)]
    found: NDArray[np.float32] = torch.cat(parts).numpy()
    return found


def _pixels(images: Images) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 255
