"""Subjects for probes, made by hand: an autoencoder that loses nothing, and whatever a test lets go wrong in it."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from tiny_runs import tiny
from torch import Tensor, nn

from tilework.bottlenecks.none import Config as NoBottleneck
from tilework.data import Batch
from tilework.engine.autoencoder.model import Autoencoder
from tilework.engine.probing.subject import Subject
from tilework.spec import Size

TOKEN = 4
"""Pixels on a side of a token."""


class Still:
    """Images in memory, as a view of a run has them on the disk."""

    def __init__(self, trained: Tensor, held_out: Tensor | None = None, **table: Any) -> None:
        self.trained, self.kept = trained, trained if held_out is None else held_out
        every = torch.cat([self.trained, self.kept])
        self.pixels = (every.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()
        count, height, width, channels = self.pixels.shape
        self.positions = (height // TOKEN) * (width // TOKEN)
        self.split = SimpleNamespace(
            train=np.arange(len(trained)), validation=np.arange(len(trained), count)
        )  # fmt: skip
        hashes = [hash(image.tobytes()) for image in self.pixels]
        self.store = SimpleNamespace(
            shape=(height, width, channels), size=Size(width, height), count=count, gather=lambda at: self.pixels[at],
            groups=np.arange(count), labels=np.full(count, -1), groups_suffice=False, file_of=lambda _: "",
            pixel_hashes=np.array(hashes, np.int64).view(np.uint64),
        )  # fmt: skip
        vars(self.store).update(table)

    def shown(self, most: int = 16) -> Batch:
        return self._batch(self.kept[:most])

    def fixed(self, most: int) -> Batch:
        return self._batch(self.trained[:most])

    @staticmethod
    def _batch(images: Tensor) -> Batch:
        numbers = torch.arange(len(images))
        return Batch(images, numbers, numbers)


class Then(nn.Module):
    """A function as a layer."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def lossless(channels: int, size: tuple[int, int], *behind: Any) -> Autoencoder:
    """Tokens of 4 x 4 pixels, kept as they are, and put together again; then `behind`."""
    bottleneck = NoBottleneck(dim=channels * TOKEN**2).build()
    layers = [one if isinstance(one, nn.Module) else Then(one) for one in behind]
    decoder = nn.Sequential(nn.PixelShuffle(TOKEN), *layers)
    return Autoencoder(nn.PixelUnshuffle(TOKEN), bottleneck, decoder, Size(size[1] // TOKEN, size[0] // TOKEN))


def subject(
    images: Tensor,
    *behind: Any,
    model: Autoencoder | None = None,
    view: Still | None = None,
    weights: Mapping[str, float] | None = None,
    overrides: tuple[str, ...] = (),
) -> Subject:
    """A subject with these images (n, C, H, W) in [0, 1] and a lossless model with `behind` behind it, or another model."""
    made = model or lossless(images.shape[1], tuple(images.shape[2:]), *behind)
    made.eval()
    return Subject(tiny("none", *overrides), made, 1000, weights or {}, view or Still(images))


def landscapes(count: int = 16, channels: int = 3, size: int = 48, seed: int = 0) -> Tensor:
    """Images with a smooth upper half (a slope of brightness) and a rough lower one, (count, channels, size, size)."""
    generator = torch.Generator().manual_seed(seed)
    slope = torch.linspace(0, 0.1, size)[None, None, :, None].expand(count, channels, size, size)
    tone = 0.3 + 0.4 * torch.rand(count, channels, 1, 1, generator=generator)
    images = tone + slope
    rough = 0.3 * torch.rand(count, channels, size // 2, size, generator=generator)
    images = torch.cat([images[:, :, : size // 2], images[:, :, size // 2 :] - 0.15 + rough], 2)
    return (images.clamp(0, 1) * 255).round() / 255


def pattern(strength: float) -> Any:
    """Adds a checkerboard within each token, of this root mean square."""

    def add(x: Tensor) -> Tensor:
        y, across = torch.meshgrid(torch.arange(x.shape[2]), torch.arange(x.shape[3]), indexing="ij")
        wave = torch.where((y % TOKEN < TOKEN // 2) ^ (across % TOKEN < TOKEN // 2), 1.0, -1.0)
        return x + strength * wave

    return add


def speckle(strength: float, seed: int = 1) -> Any:
    """Adds the same white noise to every image."""

    def add(x: Tensor) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return x + strength * torch.randn(x.shape[1:], generator=generator)

    return add
