"""The tokens of an image, and images of tokens: encode, edit, paint."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tilework.engine.api import Model
from tilework.engine.autoencoder.error import error_of, psnr
from tilework.engine.autoencoder.model import grid_of
from tilework.engine.autoencoder.snapshot import to_uint8
from tilework.errors import UserError
from tilework.explore.opened import Opened, Pixels
from tilework.explore.token_grid import Codes, TokenGrid
from tilework.inference import DecodeZ


@dataclass(frozen=True, eq=False)
class Tokens:
    """The tokens of one image or point, and what the decoder makes of them."""

    opened: Opened = field(repr=False)
    name: str
    """What was asked for: a point as text, or "image"."""
    grid: TokenGrid
    codes: Codes
    """(Q, h, w)."""
    image: Pixels
    """What they paint, (H, W, C) uint8."""
    original: Pixels | None = None
    """The image that was encoded, (H, W, C) uint8; None where there was none, as for a drawn point."""
    mse: float | None = None
    """Mean squared error on [0, 1]; None without an original."""
    psnr: float | None = None
    """dB; None without an original."""

    def title(self) -> str:
        """What it is, in one line."""
        return f"tokens of {self.name} by {self.opened.name}"

    def facts(self) -> tuple[tuple[str, str], ...]:
        """(name, value) of what is known of them."""
        known = [
            ("step", f"{self.opened.step:,}"),
            ("tokens", self.grid.words),
            ("bits", f"{grid_bits(self.grid):,.0f}"),
        ]
        if self.mse is not None and self.psnr is not None:
            known += [("MSE", f"{self.mse:.5f}"), ("PSNR", f"{self.psnr:.2f} dB")]
        return tuple(known)


@dataclass(frozen=True)
class Levels:
    """An image by the first 1, 2, ... Q levels of its tokens."""

    images: Pixels
    """(Q, H, W, C) uint8."""
    bits: NDArray[np.float32]
    """(Q,) bits that so many levels take, at log2 K a token."""
    mse: NDArray[np.float32] | None
    """(Q,) mean squared error on [0, 1]; None where there is no image to compare with."""
    psnr: NDArray[np.float32] | None
    """(Q,) in dB."""


def token_grid(model: Model) -> TokenGrid:
    """What the tokens of an image are. Raises UserError for a model whose latent is continuous."""
    if not model.levels:
        raise UserError(
            f"{model.spec.name} has no tokens",
            why=f"its bottleneck is {model.spec.bottleneck.kind}, a continuous latent",
            fix="explore it with `tilework sample` and `tilework traverse`, or name a run with a vq, rq, fsq or lfq bottleneck",
        )
    grid = grid_of(model.spec)
    return TokenGrid(model.levels, grid.height, grid.width, model.codebook_size)


@torch.no_grad()
def paint(opened: Opened, codes: Codes, levels: int | None = None) -> Pixels:
    """The image (H, W, C) uint8 of a grid of codes (Q, h, w), by its first `levels` levels; None = all.

    Raises UserError for codes, or a number of levels, that the model does not have.
    """
    grid = token_grid(opened.model)
    codes = grid.codes(codes)
    first = grid.levels if levels is None else grid.level(levels) + 1
    image: Pixels = to_uint8(_painted(opened.model, torch.from_numpy(codes[None, :first])))[0]
    return image


@torch.no_grad()
def levels(opened: Opened, codes: Codes, image: Pixels | None = None) -> Levels:
    """What the first 1, 2, ... Q levels of codes (Q, h, w) paint, with bits, and with the error where `image` is given."""
    grid = token_grid(opened.model)
    given = torch.from_numpy(grid.codes(codes)[None])
    made = torch.cat([_painted(opened.model, given[:, :first]) for first in range(1, grid.levels + 1)])
    bits = np.arange(1, grid.levels + 1, dtype=np.float32) * np.float32(grid_bits(grid) / grid.levels)
    if image is None:
        return Levels(to_uint8(made), bits, None, None)
    mse = [error_of(one, image) for one in made]
    return Levels(to_uint8(made), bits, np.array(mse, np.float32), np.array([psnr(one) for one in mse], np.float32))


def grid_bits(grid: TokenGrid) -> float:
    """Bits of one image's tokens at log2 K each."""
    return grid.levels * grid.height * grid.width * math.log2(grid.size)


def _painted(model: Model, codes: Tensor) -> Tensor:
    """Codes (B, q, h, w), q levels or fewer, -> images (B, C, H, W) in the decoder's own range."""
    z = model.network.bottleneck.decode(codes.to(model.device))
    made: Tensor = DecodeZ(model.network.decoder)(z)
    return made
