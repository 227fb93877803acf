"""How the tokens of a latent grid lie on an image, and what of an image repeats from token to token."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from tilework.engine.probing.left_out import NotApplicable
from tilework.spec import Size

TOKENS = 3
"""Tokens on a side of a window: two repetitions beside the first, in the least space."""
_NOISE = 1e-12
"""Power below which there is nothing: far under a thousandth of a grey level."""


@dataclass(frozen=True)
class TokenGrid:
    """Tokens of so many pixels each (`high` x `wide`), `rows` x `columns` of them."""

    high: int
    wide: int
    rows: int
    columns: int

    @classmethod
    def of(cls, grid: Size, image: Size) -> TokenGrid:
        """Raises NotApplicable where the latent is a vector, or so small that nothing can repeat in it."""
        if min(grid) < TOKENS:
            raise NotApplicable
        return cls(_side(image.height, grid.height), _side(image.width, grid.width), grid.height, grid.width)

    def windows(self, images: Tensor, most: int) -> Tensor:
        """Images (B, C, H, W) -> windows of 3 x 3 tokens (N, C, 3 high, 3 wide): every one, or every third where that are more
        than `most`, and then spread evenly."""
        size, steps = (TOKENS * self.high, TOKENS * self.wide), (self.high, self.wide)
        if len(images) * self.rows * self.columns > most:
            steps = size
        cut = images.unfold(2, size[0], steps[0]).unfold(3, size[1], steps[1])
        every = cut.permute(0, 2, 3, 1, 4, 5).flatten(0, 2)
        if len(every) <= most:
            return every
        return every[torch.linspace(0, len(every) - 1, most, device=every.device).long()]

    def inner(self, images: Tensor) -> Tensor:
        """The part of (B, C, H, W) in whole tokens that lies farthest from the border, whose padding reaches far in: 3 x 3
        tokens at least."""
        cuts = []
        for side, token, dim in ((self.rows, self.high, 2), (self.columns, self.wide, 3)):
            whole = min(side, images.shape[dim] // token)
            margin = min(4, (whole - TOKENS) // 2)
            cuts.append(slice(margin * token, (whole - margin) * token))
        return images[..., cuts[0], cuts[1]]

    def repeated(self, parts: Tensor) -> tuple[Tensor, Tensor]:
        """What of parts (N, C, h, w), whole tokens in size, repeats from token to token: its root mean square (N,), and how far
        its frequencies stand out of their neighbours, mean power against mean power (N,).

        Frequencies are those of a Fourier transform after a plane was taken off. The multiples of one per token are what
        repeats; their neighbours are at most two bins away. What neighbours have is taken off the root mean square.
        """
        h, w = parts.shape[-2:]
        power = torch.fft.fft2(level(parts)).abs().square() / (h * w) ** 2
        repeats, beside = self._bins(h, w, parts.device)
        # Every channel counts alike, as in a mean squared error.
        power = power.mean(1)
        floor = power[:, beside].mean(1)
        own = power[:, repeats]
        rms = (own - floor[:, None]).sum(1).clamp_min(0).sqrt()
        return rms, own.mean(1) / floor.clamp_min(_NOISE)

    def _bins(self, h: int, w: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Masks (h, w) of the frequencies that repeat with every token, and of their neighbours."""
        down, across = h // self.high, w // self.wide
        y, x = torch.arange(h, device=device), torch.arange(w, device=device)
        zero = _apart(y, h, h)[:, None] + _apart(x, w, w)[None, :] == 0
        near = torch.maximum(_apart(y, h, down)[:, None], _apart(x, w, across)[None, :])
        # Around the mean lie slow changes of brightness, which no token makes.
        slow = torch.maximum(_apart(y, h, h)[:, None], _apart(x, w, w)[None, :]) <= 1
        return (near == 0) & ~zero, (near > 0) & (near <= 2) & ~slow


def level(parts: Tensor) -> Tensor:
    """Parts (N, C, h, w) without their mean and their slope, by least squares for each channel."""
    h, w = parts.shape[-2:]
    y = torch.linspace(-1, 1, h, device=parts.device)[:, None].expand(h, w)
    x = torch.linspace(-1, 1, w, device=parts.device)[None, :].expand(h, w)
    # On a full grid the three are orthogonal.
    for plane in (torch.ones(h, w, device=parts.device), y, x):
        along = (parts * plane).sum((-2, -1), keepdim=True) / plane.square().sum().clamp_min(1e-12)
        parts = parts - along * plane
    return parts


def _apart(bins: Tensor, count: int, every: int) -> Tensor:
    """How far each frequency bin of `count` lies from the nearest multiple of `every` (`count`: from the mean)."""
    rest = bins % every
    return torch.minimum(rest, every - rest) if every < count else torch.minimum(bins, count - bins)


def _side(pixels: int, tokens: int) -> int:
    """Pixels of a token: where they do not fit evenly, of the power of two that stride-2 stages make."""
    return pixels // tokens if pixels % tokens == 0 else 2 ** round(math.log2(pixels / tokens))
