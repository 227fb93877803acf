"""Where a token reaches: the pixels that it changes, and the pixels that decide it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from tilework.explore.opened import Opened, Pixels
from tilework.explore.token_grid import Codes
from tilework.explore.token_images import token_grid
from tilework.inference import DecodeCodes

OTHERS = 16
"""Other codes that a cell is changed to."""
PROBES = 16
"""Channels of the encoder's output up to which each has a gradient of its own; beyond, so many random sums of them."""
ROUNDING = 2.0**-20
"""Changes up to this share of the largest one are rounding."""


@dataclass(frozen=True)
class Field:
    """A map over the image."""

    strength: NDArray[np.float32]
    """(H, W)."""
    box: tuple[int, int, int, int] | None
    """Top, left, bottom, right (the last two beyond the end) of what is not 0; None where all is 0."""


@torch.no_grad()
def field(opened: Opened, codes: Codes, y: int, x: int, others: int = OTHERS) -> Field:
    """What cell (y, x) of codes (Q, h, w) changes in the image, measured.

    The cell takes `others` other codes one after another, spread over all K (all levels at once; every other code where there
    are no more); `strength` is the mean absolute change of the pixels on [0, 1], over those and over the colours. Raises
    UserError for codes and cells that the model does not have.
    """
    model, grid = opened.model, token_grid(opened.model)
    grid.cell(y, x)
    given = torch.from_numpy(grid.codes(codes)[None])
    count = min(others, grid.size - 1)
    # The k-th replacement is that many codes further on, around the end: never the code itself, and none twice.
    steps = 1 + torch.arange(count) * (grid.size - 1) // max(1, count)
    changed = given.repeat(count, 1, 1, 1)
    changed[:, :, y, x] = (given[0, :, y, x] + steps[:, None]) % grid.size
    decode = DecodeCodes(model.network.bottleneck, model.network.decoder)
    made = decode(torch.cat([given, changed]).to(model.device))
    if count == 0:
        return _field(np.zeros(made.shape[-2:], np.float32))
    return _field((made[1:] - made[:1]).abs().mean((0, 1)).float().cpu().numpy())


def receptive(opened: Opened, image: Pixels, y: int, x: int) -> Field:
    """What of an image (H, W, C) uint8 decides the token of cell (y, x): the gradient of the encoder's output there.

    `strength` is the root of the summed squares over channels and colours; beyond 16 channels they are added with random signs
    16 times, which keeps the mean of the squares. Raises UserError for an image of another size and a cell that there is not.
    """
    model = opened.model
    token_grid(model).cell(y, x)
    network = model.network
    images = model.as_input(image[None])
    channels = network.bottleneck.in_channels
    if channels <= PROBES:
        probes = torch.eye(channels)
    else:
        signs = torch.randint(0, 2, (PROBES, channels), generator=torch.Generator().manual_seed(0))
        probes = (signs * 2.0 - 1.0) / PROBES**0.5
    with torch.enable_grad():
        x_in = images.repeat(len(probes), 1, 1, 1).requires_grad_(True)
        output = network.encoder(x_in).float()[:, :, y, x]
        (gradient,) = torch.autograd.grad((output * probes.to(output.device)).sum(), x_in)
    return _field(gradient.square().sum((0, 1)).sqrt().float().cpu().numpy())


def _field(strength: NDArray[np.float32]) -> Field:
    strength = np.where(strength > strength.max(initial=0) * np.float32(ROUNDING), strength, np.float32(0))
    rows, columns = np.flatnonzero(strength.any(1)), np.flatnonzero(strength.any(0))
    if not len(rows):
        return Field(strength, None)
    return Field(strength, (int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1))
